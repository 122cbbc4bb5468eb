"""`aspot schema`."""

from __future__ import annotations

import json

import typer

from aspot.cli.app import app, examples


@app.command(
    epilog=examples(
        "aspot schema > aspot.schema.json",
        'Then put "#:schema ./aspot.schema.json" on the first line of a case (Even Better TOML, taplo).',
    )
)
def schema() -> None:
    """Print the JSON schema of case files, for editors that complete and explain keys."""
    from aspot.schema import case_schema

    typer.echo(json.dumps(case_schema(), indent=1, ensure_ascii=False))
