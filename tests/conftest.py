"""What all tests share: one thread per process, reproducible property tests, no silent skips in CI."""

import os

# Before numpy and numba are imported: pytest-xdist already uses every core.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ["MPLBACKEND"] = "Agg"

import pytest
from hypothesis import HealthCheck, settings

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# A test may be skipped in continuous integration only for one of these reasons (the start of the message).
EXPECTED_SKIPS = (
    "needs an OpenGL library",  # 3-D pictures on a machine without one
    "needs real files of instruments",  # not ours to ship; own-made files of the same layouts are always read
    "needs a browser",  # Debian's chromium draws the page of a report; its text is checked everywhere
    "needs gmsh",  # GPL, an optional extra that is never installed by `make test`
)

# No deadline: the first call compiles kernels, and the machine may be busy. Derandomised in CI, so that a failure there
# is the change's own; elsewhere each run looks at new examples.
settings.register_profile("local", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.load_profile("ci" if IN_CI else "local")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Turn an unexpected skip into a failure when CI is set: a missing dependency must not pass for a success."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith(EXPECTED_SKIPS):
            report.outcome = "failed"
            report.longrepr = f"unexpected skip: {reason}"
    return report
