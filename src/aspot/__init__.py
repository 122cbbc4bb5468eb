"""aspot: impedance of imperfect metal | solid-electrolyte contacts.

>>> import aspot
>>> cell = aspot.load("case.toml")            # doctest: +SKIP
>>> result = aspot.simulate(cell)             # doctest: +SKIP
>>> result.spectrum, result.resistances       # doctest: +SKIP

Names are imported when first used, so that `import aspot` is immediate.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aspot import errors, materials, measured
    from aspot.analysis.statistics import statistics_over_seeds
    from aspot.casefile import load, loads
    from aspot.cell import Cell
    from aspot.result import Result
    from aspot.simulation import simulate
    from aspot.spectrum import Spectrum
    from aspot.sweeps import sweep

    __version__: str

__all__ = [
    "Cell",
    "Result",
    "Spectrum",
    "__version__",
    "errors",
    "load",
    "loads",
    "materials",
    "measured",
    "simulate",
    "statistics_over_seeds",
    "sweep",
]

#: Where each public name lives; None: it is a module itself.
_HOME: dict[str, str | None] = {
    "Cell": "cell",
    "Result": "result",
    "Spectrum": "spectrum",
    "errors": None,
    "load": "casefile",
    "loads": "casefile",
    "materials": None,
    "measured": None,
    "simulate": "simulation",
    "statistics_over_seeds": "analysis.statistics",
    "sweep": "sweeps",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: Any = version("aspot")
        except PackageNotFoundError:  # run from a checkout that is not installed
            value = "0+unknown"
    elif name in _HOME:
        home = _HOME[name]
        module = import_module(f"aspot.{home or name}")
        value = module if home is None else getattr(module, name)
    else:
        raise AttributeError(f"module 'aspot' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
