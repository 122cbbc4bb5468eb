"""Contact maps and height maps from files: read as they are; what cannot be meant is refused by its key."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from aspot.casefile import load, loads
from aspot.cell import Cell
from aspot.errors import InputError
from aspot.morphology import pixels
from aspot.morphology.description import Morphology
from aspot.morphology.image import otsu
from aspot.morphology.unit_cell import MapCell

#: 3 rows, 4 columns: not square, no symmetry.
PATTERN = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1]], bool)


def image(path: Path, **keys: Any) -> Morphology:
    return Morphology(**({"kind": "image", "file": str(path), "pixel_size": "1 um"} | keys))


def heights(path: Path, **keys: Any) -> Morphology:
    defaults = {"kind": "height-map", "file": str(path), "pixel_size": "1 um", "height_unit": "1 nm"}
    return Morphology(**(defaults | keys))


def as_map(m: Morphology, gap_floor: float | None = None) -> MapCell:
    cell = m.unit_cell(1.0, gap_floor)
    assert isinstance(cell, MapCell)
    return cell


def saved(path: Path, values: np.ndarray) -> Path:
    """An array as a file of the kind that the ending says."""
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix in (".txt", ".csv"):
        np.savetxt(path, values, delimiter="," if path.suffix == ".csv" else " ")
    else:
        Image.fromarray(values).save(path)
    return path


# What is read --------------------------------------------------------------------------------------------------------

GREY = (40 + 160 * PATTERN).astype(np.uint8)
FILES: dict[str, Any] = {
    "8 bit.png": Image.fromarray(GREY),
    "16 bit.png": Image.fromarray(GREY.astype(np.uint16) * 200),
    "16 bit.tif": Image.fromarray(GREY.astype(np.uint16) * 200),
    "float.tif": Image.fromarray(GREY.astype(np.float32) / 7),
    "int.tif": Image.fromarray(GREY.astype(np.int32) * 1000),
    "1 bit.png": Image.fromarray(PATTERN),
    "rgb.png": Image.fromarray(np.stack([GREY, GREY, GREY], -1)),
    "colour.png": Image.fromarray(np.stack([GREY, GREY // 2, GREY // 3], -1)),
    "opaque.png": Image.fromarray(np.stack([GREY, GREY, GREY, np.full_like(GREY, 255)], -1)),
    "palette.png": Image.fromarray(GREY).convert("P"),
    "bool.npy": PATTERN,
    "float.npy": GREY / 3.0,
    "fortran.npy": np.asfortranarray(GREY),
    "big endian.npy": GREY.astype(">i4"),
}


@pytest.mark.parametrize("contact_is", ["bright", "dark"])
@pytest.mark.parametrize("name", FILES)
def test_a_map_of_two_values_is_read_whatever_its_format(tmp_path: Path, name: str, contact_is: str) -> None:
    path = tmp_path / name
    if isinstance(FILES[name], np.ndarray):
        saved(path, FILES[name])
    else:
        FILES[name].save(path)
    for keys in ({}, {"threshold": "otsu"}):
        m = image(path, contact_is=contact_is, pixel_size=["1 um", "2 um"], **keys)
        cell = as_map(m)
        expected = PATTERN if contact_is == "bright" else ~PATTERN
        assert np.array_equal(cell.contact, expected)
        assert cell.contact.dtype == np.float64
        assert (cell.size_x, cell.size_y) == (pytest.approx(4e-6), pytest.approx(6e-6))
        assert (cell.periodic, cell.gap_height) == (False, None)
        assert m.fraction == pytest.approx(expected.mean(), rel=1e-12)


def test_jpeg_thresholds_labels_crop_and_boundary(tmp_path: Path) -> None:
    # JPEG keeps blocks of 8 x 8 pixels of one value.
    blocks = np.kron(PATTERN, np.ones((8, 8), bool))
    Image.fromarray((255 * blocks).astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    assert np.array_equal(as_map(image(tmp_path / "a.jpg", contact_is="bright", threshold=128)).contact, blocks)
    labels = np.array([[0, 1, 2], [3, 2, 1]], np.uint8)
    path = saved(tmp_path / "labels.png", labels)
    assert np.array_equal(as_map(image(path, labels=[1, 3])).contact, np.isin(labels, [1, 3]))
    assert np.array_equal(as_map(image(path, contact_is="dark", threshold=1)).contact, labels <= 1)
    cell = as_map(image(path, contact_is="bright", threshold=1.5, crop=[1, 0, 3, 2], boundary="periodic"))
    assert np.array_equal(cell.contact, labels[0:2, 1:3] > 1.5)
    assert cell.periodic
    assert cell.size_x == pytest.approx(2e-6)


def test_otsu_separates_two_populations() -> None:
    """Two normal populations of equal number and width: the threshold of largest variance lies midway."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(50, 8, 20000), rng.normal(150, 8, 20000)])
    assert otsu(values) == pytest.approx(100, abs=10)
    # Unequal numbers: it still lies between them, and equals the exhaustive search over all splits of a short list.
    short = np.sort(np.concatenate([rng.normal(0, 1, 30), rng.normal(9, 1, 10)]))
    splits = [k * (40 - k) * (short[:k].mean() - short[k:].mean()) ** 2 for k in range(1, 40)]
    best = int(np.argmax(splits)) + 1
    assert short[best - 1] <= otsu(short) <= short[best]


def test_the_resolution_of_a_tiff_is_the_size_of_its_pixels(tmp_path: Path) -> None:
    def tiff(**tags: Any) -> Path:
        info = TiffImagePlugin.ImageFileDirectory_v2()
        for tag, value in {282: tags["x"], 283: tags["y"], 296: tags["unit"], 270: tags.get("text", "")}.items():
            info[tag] = value
        path = tmp_path / "a.tif"
        Image.fromarray(GREY).save(path, tiffinfo=info)
        return path

    def size(path: Path) -> MapCell:
        return as_map(image(path, pixel_size=None, contact_is="dark"))

    cell = size(tiff(x=1e5, y=5e4, unit=3))  # per cm
    assert (cell.size_x, cell.size_y) == (pytest.approx(4e-7), pytest.approx(6e-7))
    cell = size(tiff(x=25400 * 2, y=25400 * 2, unit=2))  # per inch
    assert cell.size_x == pytest.approx(4 * 0.5e-6)
    for name in ("micron", "microns", "um", r"\u00B5m"):
        cell = size(tiff(x=4.0, y=4.0, unit=1, text=f"ImageJ=1.53\nunit={name}\n"))
        assert cell.size_x == pytest.approx(1e-6)
    # 300 dots per inch are meant for a printer; a size that is given counts before one that is stated.
    for path in (tiff(x=300, y=300, unit=2), tiff(x=0, y=0, unit=3)):
        with pytest.raises(InputError, match="pixel_size: is required"):
            size(path)
    assert as_map(image(tiff(x=1e5, y=1e5, unit=3), contact_is="dark")).size_x == pytest.approx(4e-6)


# Height maps ---------------------------------------------------------------------------------------------------------


def tilted(shape: tuple[int, int] = (5, 8)) -> np.ndarray:
    """Different heights everywhere, in nm."""
    return np.random.default_rng(2).permutation(shape[0] * shape[1]).reshape(shape) * 1.0


@pytest.mark.parametrize("name", ["a.npy", "a.txt", "a.csv", "a.tif"])
def test_metal_touches_at_the_level_and_the_gap_is_the_distance_below_it(tmp_path: Path, name: str) -> None:
    z = tilted()
    path = saved(tmp_path / name, z.astype(np.float32) if name.endswith("tif") else z)
    # The highest 10 of 40 pixels: heights 30 to 39 nm.
    for keys in ({"contact_fraction": 0.25}, {"level": "30 nm"}):
        m = heights(path, **keys)
        cell = as_map(m, gap_floor=4e-9)
        assert m.fraction == 0.25
        assert np.array_equal(cell.contact, z >= 30)
        assert cell.gap_height == pytest.approx(np.maximum(30 - z, 4) * 1e-9, rel=1e-6)
        assert not cell.periodic


def test_the_gap_of_the_electrode_is_the_smallest_one(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npy", tilted())
    cell = Cell(
        electrolyte={"thickness": "1 mm", "conductivity": "1 mS/cm"},
        working_electrode={
            "gap": {"thickness": "7 nm"},
            "morphology": {
                "kind": "height-map", "file": str(path), "pixel_size": 1e-6, "height_unit": 1e-9, "level": 30e-9
            },
        },
    )  # fmt: skip
    found = cell.working_electrode.unit_cell(1.0)
    assert isinstance(found, MapCell)
    assert found.gap_height is not None
    assert found.gap_height.min() == 7e-9


def test_a_plane_is_taken_off_exactly(tmp_path: Path) -> None:
    """Least squares leave a map without slopes as it is, and take any plane off completely."""
    ny, nx = 20, 30
    y, x = np.mgrid[:ny, :nx]
    bumps = 5 * np.cos(2 * np.pi * x / nx * 3 + 1) * np.cos(2 * np.pi * y / ny * 2 + 2)
    flat = saved(tmp_path / "flat.npy", bumps)
    sloped = saved(tmp_path / "sloped.npy", bumps + 3.0 * x - 2.0 * y + 100)
    one, two = (heights(p, contact_fraction=0.1, levelling="plane") for p in (flat, sloped))
    assert np.array_equal(as_map(one).contact, as_map(two).contact)
    assert as_map(one).gap_height == pytest.approx(as_map(two).gap_height, rel=1e-9)
    # Without levelling the highest corner alone would touch.
    assert not np.array_equal(as_map(heights(sloped, contact_fraction=0.1)).contact, as_map(two).contact)


# Content decides -----------------------------------------------------------------------------------------------------


CASE = """
[electrolyte]
thickness = "1 mm"
conductivity = "1 mS/cm"
[working_electrode.morphology]
kind = "image"
file = "maps/spots.png"
pixel_size = "1 um"
contact_is = "bright"
"""


def test_files_are_relative_to_the_case_and_the_digest_follows_their_content(tmp_path: Path) -> None:
    digests = []
    for name, pattern in (("one", PATTERN), ("same", PATTERN), ("other", ~PATTERN)):
        folder = tmp_path / name
        (folder / "maps").mkdir(parents=True)
        saved(folder / "maps/spots.png", pattern.astype(np.uint8) * 255)
        (folder / "case.toml").write_text(CASE)
        cell = load(folder / "case.toml")
        resolved = cell.resolved()["working_electrode"]["morphology"]
        assert resolved["file"] == str(folder / "maps/spots.png")
        assert len(resolved["sha256"]) == 64
        assert Cell.parse(cell.resolved()).digest == cell.digest
        digests.append(cell.digest)
    assert digests[0] == digests[1] != digests[2]
    # Read again from the resolved case, the content must still be the same.
    resolved = load(tmp_path / "one/case.toml").resolved()
    saved(tmp_path / "one/maps/spots.png", ~PATTERN)
    with pytest.raises(InputError, match=r"working_electrode\.morphology\.sha256 = .* another content"):
        Cell.parse(resolved)


def test_a_file_that_changes_after_it_was_read_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npy", PATTERN)
    m = image(path, contact_is="bright")
    saved(path, np.tile(PATTERN, (2, 1)))
    for ask in (lambda: m.unit_cell(1.0), lambda: m.fraction, m.resolved):
        with pytest.raises(InputError, match="has changed"):
            ask()
    path.unlink()
    with pytest.raises(InputError, match=r"file = .*No such file"):
        m.unit_cell(1.0)


def test_what_is_found_in_the_file_is_written_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    path = saved(tmp_path / "a.npy", rng.random((9, 9)))
    m = image(path, contact_is="bright", threshold="otsu")
    found = m.resolved()
    assert isinstance(found.threshold, float)
    again = image(path, contact_is="bright", threshold=found.threshold)
    assert np.array_equal(as_map(again).contact, as_map(m).contact)


# Refused -------------------------------------------------------------------------------------------------------------


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


def npy_that_claims(shape: tuple[int, ...], dtype: str = "<f8") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def encoded(picture: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, **({"format": "PNG"} | options))
    return stream.getvalue()


def array_file(values: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


NOISE = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
NAN = np.array([[1.0, 2.0], [np.nan, 3.0]])
TRANSPARENT = np.stack([GREY, GREY, GREY, GREY], -1)
BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "no image": ("a.png", b"hello", "not an image of a known kind (PNG"),
    "empty file": ("a.png", b"", "not an image"),
    "truncated png": ("a.png", encoded(Image.fromarray(NOISE))[:-900], "damaged"),
    "truncated tiff": ("a.tif", encoded(Image.fromarray(NOISE), format="TIFF")[:-900], "damaged"),
    "truncated jpeg": ("a.jpg", encoded(Image.fromarray(NOISE), format="JPEG")[:-900], "damaged"),
    "truncated npy": ("a.npy", array_file(NOISE)[:-900], "damaged"),
    "huge png": ("a.png", png_that_claims(60000, 60000), "60000"),
    "too large png": ("a.png", png_that_claims(9000, 9000), "9000 x 9000 pixels; allowed"),
    "gigantic npy": ("a.npy", npy_that_claims((10**6, 10**6)), "allowed"),
    "no npy": ("a.npy", b"\x93NUMPY", "not a numpy array"),
    "pickled npy": ("a.npy", array_file(np.array([[{}]], object)), "real numbers"),
    "complex npy": ("a.npy", array_file(np.ones((2, 2)) * 1j), "real numbers"),
    "empty npy": ("a.npy", array_file(np.ones((0, 3))), "empty"),
    "3-D npy": ("a.npy", array_file(np.ones((2, 2, 3))), "shape is (2, 2, 3)"),
    "NaN": ("a.npy", array_file(NAN), "1 of 4 pixels are not finite, the first in row 1, column 0"),
    "infinite": ("a.npy", array_file(np.array([[np.inf, 1.0]])), "not finite"),
    "transparent": ("a.png", encoded(Image.fromarray(TRANSPARENT)), "transparent"),
    "several": (
        "a.tif",
        encoded(Image.fromarray(NOISE), format="TIFF", save_all=True, append_images=[Image.fromarray(NOISE)]),
        "holds 2 images",
    ),
    "ending": ("a.gif", encoded(Image.fromarray(NOISE)), "must end in .png"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_damaged_huge_and_unmeant_files_are_one_clear_error(tmp_path: Path, name: str) -> None:
    file, data, words = BAD_FILES[name]
    (tmp_path / file).write_bytes(data)
    with pytest.raises(InputError) as caught:
        image(tmp_path / file, contact_is="bright", threshold="otsu")
    message = str(caught.value)
    assert message.startswith("file = ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("values", "keys", "words"),
    [
        (GREY, {}, ["contact_is", "required"]),
        (NOISE, {"contact_is": "dark"}, ["threshold: is required", "between 0 and 254"]),
        (GREY, {"contact_is": "dark", "threshold": 250}, ["threshold = 250", "every pixel", "40 to 200", "planar"]),
        (GREY, {"contact_is": "dark", "threshold": 10}, ["threshold = 10", "no pixel"]),
        (np.full((3, 3), 7), {"contact_is": "bright"}, ["contact_is", "no pixel"]),
        (np.ones((1, 1)), {"contact_is": "bright"}, ["contact_is", "no pixel"]),
        (GREY, {"labels": [3]}, ["labels", "no pixel"]),
        (GREY, {"labels": [200], "contact_is": "dark"}, ["labels", "either"]),
        (GREY, {"contact_is": "dark", "pixel_size": None}, ["pixel_size", "required"]),
        (GREY, {"contact_is": "dark", "pixel_size": ["1 um", "2 um", "3 um"]}, ["pixel_size", "one length, or two"]),
        (GREY, {"contact_is": "dark", "crop": [0, 0, 5, 3]}, ["crop", "x1 <= 4"]),
        (GREY, {"contact_is": "dark", "crop": [2, 0, 2, 3]}, ["crop"]),
        (GREY, {"contact_is": "dark", "crop": [0, 0, 4]}, ["crop", "list of 4"]),
        (GREY, {"contact_is": "grey"}, ["contact_is", "dark"]),
        (GREY, {"contact_is": "dark", "threshold": "median"}, ["threshold", "otsu"]),
        (GREY, {"contact_is": "dark", "radius": "1 um"}, ["radius", "no meaning"]),
        (GREY, {"contact_is": "dark", "sha256": "00"}, ["sha256", "another content"]),
        (GREY, {"file": None}, ["file", "required"]),
        (GREY, {"file": "/nowhere/a.png", "contact_is": "dark"}, ["file", "No such file"]),
    ],
)
def test_maps_that_cannot_be_meant_are_refused_by_their_key(
    tmp_path: Path, values: np.ndarray, keys: dict[str, Any], words: list[str]
) -> None:
    path = saved(tmp_path / "a.npy", values)
    with pytest.raises(InputError) as caught:
        image(path, **keys)
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).startswith(words[0].split()[0].rstrip(":"))


@pytest.mark.parametrize(
    ("values", "keys", "words"),
    [
        (tilted(), {}, ["contact_fraction", "either"]),
        (tilted(), {"contact_fraction": 0.1, "height_unit": None}, ["height_unit", "required"]),
        (tilted(), {"level": "40 nm"}, ["level", "3.9e-08"]),
        (tilted(), {"level": "0 nm"}, ["level", "must lie between"]),
        (tilted(), {"level": "4 nm", "levelling": "plane"}, ["level", "plane"]),
        (tilted(), {"contact_fraction": 1e-3}, ["contact_fraction = 0.001", "0.025"]),
        (np.round(tilted() / 13), {"contact_fraction": 0.1}, ["contact_fraction = 0.1", "no level gives it"]),
        (np.ones((4, 4)), {"contact_fraction": 0.1}, ["file", "flat"]),
        (np.ones((1, 1)), {"contact_fraction": 0.1}, ["file", "flat"]),
        (tilted(), {"contact_fraction": 0.1, "contact_is": "dark"}, ["contact_is", "no meaning"]),
    ],
)
def test_height_maps_that_cannot_be_meant_are_refused_by_their_key(
    tmp_path: Path, values: np.ndarray, keys: dict[str, Any], words: list[str]
) -> None:
    path = saved(tmp_path / "a.npy", values)
    with pytest.raises(InputError) as caught:
        heights(path, **keys)
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).startswith(words[0].split()[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [("1 2\n3 x\n", "not a table"), ("1 2\n3\n", "not a table"), ("# only a remark\n", "empty"), ("", "empty")],
)
def test_tables_that_are_none(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match=words):
        heights(tmp_path / "a.txt", contact_fraction=0.1)


def test_tables_between_any_usual_signs(tmp_path: Path) -> None:
    z = tilted((3, 4))
    for sign in (" ", ",", ";", "\t", ", "):
        lines = ["# a remark", *(sign.join(f"{v:g}" for v in row) for row in z)]
        (tmp_path / "a.txt").write_text("\n".join(lines))
        assert np.array_equal(as_map(heights(tmp_path / "a.txt", contact_fraction=0.5)).contact, z >= 6)


def test_memory_is_estimated_before_a_file_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.npy", NOISE)
    monkeypatch.setattr(pixels, "available_memory", lambda: 1000.0)
    with pytest.raises(InputError, match="GB are available"):
        image(path, contact_is="dark", threshold="otsu")


def test_a_case_without_its_file_says_so() -> None:
    with pytest.raises(InputError, match=r"working_electrode\.morphology\.file = .*No such file"):
        loads(CASE)
