"""How much memory there is."""

from __future__ import annotations

import os


def available_memory() -> float:
    """Memory that can still be taken [bytes]: what Linux reports as available, else all that is installed."""
    try:
        with open("/proc/meminfo", encoding="ascii") as report:
            fields = dict(line.split(":", 1) for line in report)
        return 1024.0 * float(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
