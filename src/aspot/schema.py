"""The case file as a JSON schema, for editors that complete keys and explain them while one types."""

from __future__ import annotations

import re
from typing import Any

from aspot.cell import PUBLISHED, Cell
from aspot.specification import Spec
from aspot.units import KINDS

#: "name, other : type" of a numpydoc list of parameters.
_ENTRY = re.compile(r"(?P<names>\w+(?:, \w+)*) : ")


def case_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of case files: every key with its type, range, units and what it means.

    Checks across keys (which keys a kind of morphology needs, for example) are left to `aspot validate`.

    Examples
    --------
    >>> sorted(case_schema()["properties"])[:3]
    ['counter_electrode', 'electrolyte', 'frequencies']
    """
    schema = Cell.model_json_schema(mode="validation")
    models = {model.__name__: model for model in _models(Spec)}
    for name, table in {**schema["$defs"], "Cell": schema}.items():
        if name not in models:
            continue
        told = _parameters(models[name])
        table["description"] = (models[name].__doc__ or "").split("\n\n")[0].replace("\n    ", " ").strip()
        for key, entry in table.get("properties", {}).items():
            entry.pop("title", None)
            if isinstance(entry.get("default"), dict):  # of a whole table: its keys have their own
                del entry["default"]
            elif entry.get("default", 0) is None:
                del entry["default"]
                _without_null(entry)
            if key in told:
                entry["description"] = " ".join(filter(None, [told[key], entry.get("description")]))
    for key, kind in PUBLISHED.items():
        unit, examples = KINDS[kind]
        schema["$defs"]["Published"]["properties"][key] = {
            "type": ["string", "number"],
            "description": f"text with a unit such as {examples}, or a number in {unit}",
        }
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "aspot case"
    return schema


def case_keys() -> list[str]:
    """Dotted paths of all keys of a case that hold a value; the first entry stands for lists of tables.

    Examples
    --------
    >>> [key for key in case_keys() if key.startswith("working_electrode.gap.t")]
    ['working_electrode.gap.thickness']
    """
    schema = case_schema()

    def below(table: dict[str, Any], prefix: str) -> list[str]:
        found = []
        for key, entry in table.get("properties", {}).items():
            path = f"{prefix}{key}"
            if "items" in entry:
                entry, path = entry["items"], f"{path}.0"
            if "$ref" in entry:
                found += below(schema["$defs"][entry["$ref"].rsplit("/", 1)[-1]], f"{path}.")
            else:
                found.append(path.removesuffix(".0"))
        return found

    return below(schema, "")


def _models(base: type[Spec]) -> list[type[Spec]]:
    found = list(base.__subclasses__())
    return found + [model for child in found for model in _models(child)]


def _without_null(entry: dict[str, Any]) -> None:
    """TOML has no null: a key is given or left out. A union of one kind is that kind."""
    kinds = [kind for kind in entry.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        entry.update(kinds[0])
    elif kinds:
        entry["anyOf"] = kinds


def _parameters(model: type[Spec]) -> dict[str, str]:
    """What the docstrings of a model and of its bases say of each key."""
    out: dict[str, str] = {}
    for base in reversed(model.__mro__):
        text = (base.__doc__ or "") if issubclass(base, Spec) else ""
        _, _, section = text.partition("Parameters\n    ----------\n")
        names: list[str] = []
        for line in section.split("\n"):
            if line.strip().startswith("---"):  # the next section; its title has been taken for a description
                break
            if line.startswith("     ") and names:
                for name in names:
                    out[name] = f"{out.get(name, '')} {line.strip()}".strip()
            elif match := _ENTRY.match(line.strip()):
                names = match["names"].split(", ")
                out.update(dict.fromkeys(names, ""))
            else:
                names = []
    return {name: text for name, text in out.items() if text}
