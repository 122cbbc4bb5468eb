"""The `aspot` command, one module per subcommand. Heavy imports wait until a subcommand needs them."""

from aspot.cli import (
    compare,
    fit,
    materials,
    morphologies,
    report,
    run,
    schema,
    sweep,
    validate,
)  # each adds its command to `app`
from aspot.cli.app import BAD_INPUT, DONE, FAILED, app, main

__all__ = [
    "BAD_INPUT",
    "DONE",
    "FAILED",
    "app",
    "compare",
    "fit",
    "main",
    "materials",
    "morphologies",
    "report",
    "run",
    "schema",
    "sweep",
    "validate",
]
