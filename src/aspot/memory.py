"""How much memory there is, and the refusal of what does not fit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from aspot.errors import MemoryLimitError

#: Share of the available memory that one piece of work may need by its estimate, which is good to about 30 %.
SHARE = 0.8
#: Where Linux says how much there is.
_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
#: Limits above this are none [bytes].
_NO_LIMIT = 2.0**60


def available_memory() -> float:
    """Memory that can still be taken [bytes].

    The smallest of what Linux reports as available (elsewhere: all that is installed), what is left of the limits of
    the control groups of this process (containers, batch systems), and of its own address space (`ulimit -v`).
    """
    return max(0.0, min((_free(), *_left_of_groups(), *_left_of_address_space())))


def check_memory(needed: float, available: float, what: str, advice: str = "") -> None:
    """Refuse what needs more than `SHARE` of the available memory.

    Parameters
    ----------
    needed, available : float
        [bytes]
    what : str
        Begins the message.
    advice : str
        Ends the message.

    Raises
    ------
    MemoryLimitError
    """
    if needed > SHARE * available:
        raise MemoryLimitError(
            f"{what} takes about {needed / 1e9:.2g} GB; {available / 1e9:.2g} GB are available, of which at most "
            f"{100 * SHARE:.0f} % are used{advice}"
        )


def _free() -> float:
    try:
        fields = dict(line.split(":", 1) for line in (_PROC / "meminfo").read_text(encoding="ascii").splitlines())
        return 1024.0 * float(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _left_of_groups() -> Iterator[float]:
    """What every control group of this process leaves, the outer ones too; pages of files in use give way."""
    try:
        lines = (_PROC / "self" / "cgroup").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, group = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            root, names = _CGROUPS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = _CGROUPS / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # Inside a container the path may be that of outside, while the group itself is mounted at the root.
        folder = root / group.strip("/")
        for place in (folder, *folder.parents):
            if root in (place, *place.parents):
                yield from _left_of_group(place, *names)


def _left_of_group(folder: Path, limit: str, usage: str, cache: str) -> Iterator[float]:
    with suppress(OSError, ValueError):  # "max": no limit
        most = float((folder / limit).read_text(encoding="ascii"))
        if most < _NO_LIMIT:
            used = float((folder / usage).read_text(encoding="ascii"))
            yield most - used + _in_cache(folder, cache)


def _in_cache(folder: Path, name: str) -> float:
    with suppress(OSError, ValueError, KeyError):
        lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        return float(dict(line.split(None, 1) for line in lines)[name])
    return 0.0


def _left_of_address_space() -> Iterator[float]:
    with suppress(ImportError, OSError, ValueError, IndexError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            pages = int((_PROC / "self" / "statm").read_text(encoding="ascii").split()[0])
            yield float(most - pages * os.sysconf("SC_PAGE_SIZE"))
