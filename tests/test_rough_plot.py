"""The picture of pressed metal: what it shows is checked on the artists."""

import numpy as np
import pytest

from aspot.morphology.pressing import LAWS, Metal, press
from aspot.morphology.rough_surface import SelfAffine
from aspot.rough_plot import pressed_picture

SURFACE = SelfAffine(roughness=0.19e-6, correlation_length=5e-6).surface(60e-6, 64, 0)


@pytest.mark.parametrize("law", ["confined", "elastic-plastic"])
def test_contacts_heights_and_gaps_are_those_of_the_map(law: str) -> None:
    assert law in LAWS
    pressed = press(SURFACE, 0.2e6, Metal.named("Na"), law)
    figure = pressed_picture(pressed, title="Na")
    heights, gaps, cut = figure.axes[:3]
    red = ~np.ma.getmaskarray(np.ma.asarray(heights.images[1].get_array()))
    assert (red == (pressed.contact > 0.5)).all()
    shown = heights.images[0].get_array()
    assert shown is not None
    assert np.allclose(shown, 1e9 * SURFACE.height, atol=1e-3)
    assert list(heights.images[0].get_extent()) == pytest.approx([0, 60, 0, 60])
    gap: np.ndarray = np.ma.filled(np.ma.asarray(gaps.images[0].get_array()), np.nan)
    free = pressed.contact == 0.0
    assert np.allclose(10 ** gap[free], 1e9 * pressed.gap_height[free])
    assert "nF" in gaps.get_title()
    # The metal never lies below the electrolyte.
    floor, metal = (np.asarray(c.get_paths()[0].vertices) for c in cut.collections)
    assert metal[:, 1].max() >= floor[:, 1].max()
    figure.canvas.draw()


def test_metal_that_touches_everywhere_is_drawn() -> None:
    flat = press(SURFACE, 1e6, Metal(hardness=1e3), "plastic")
    assert flat.contact_fraction == 1.0
    pressed_picture(flat).canvas.draw()
