"""JSON Schemas of the files that operators write, made of the types that read them, so that editors can help. Pure.

A schema knows types, required and unknown keys, choices and bounds. What a type checks beyond these (a maximum above
the minimum) only reading tells. Dates and times are native in TOML; editors check them as text of their format.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from catalogue.kinds import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SECTION = re.compile(r"\n\s*(?:Attributes|Raises|Args):\n")
_ATTRIBUTE = re.compile(r"^(\w+(?:, \w+)*): (.+?)(?=^\w+(?:, \w+)*: |\Z)", re.DOTALL | re.MULTILINE)


def catalogue_schemas() -> dict[str, dict[str, Any]]:
    """Make the schema of every kind of a catalogue's files, by the kind's name."""
    return {kind.name: schema_of(kind.name, kind.type) for kind in KINDS}


def schema_of(name: str, type_: type[msgspec.Struct]) -> dict[str, Any]:
    """Make the schema of one type; ``name`` is its identifier.

    Descriptions are the docstrings: of a type its first paragraph, of a key its line under ``Attributes:``.
    """
    made = msgspec.json.schema(type_)
    for definition in made.get("$defs", {}).values():
        _describe(definition)
    return {"$schema": DIALECT, "$id": f"urn:partner-benefits-gateway:schema:{name}", **made}


def schema_text(schema: dict[str, Any]) -> str:
    """Write a schema as its file holds it: the same bytes for the same types."""
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=2).decode() + "\n"


def _describe(definition: dict[str, Any]) -> None:
    text = definition.pop("description", "")
    head, _, attributes = _cut(text)
    if head:
        definition["description"] = _plain(head.partition("\n\n")[0])
    properties = definition.get("properties", {})
    for names, told in _ATTRIBUTE.findall(attributes):
        for name in names.split(", "):
            if name in properties:
                properties[name]["description"] = _plain(told)


def _cut(text: str) -> tuple[str, str, str]:
    """Part a docstring at its attributes; what is indented below them loses its indent."""
    found = re.search(r"\n\s*Attributes:\n", text)
    if found is None:
        return _SECTION.split(text)[0], "", ""
    lines = _SECTION.split(text[found.end() :])[0].splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    indent = min(indents, default=0)
    return text[: found.start()], "Attributes", "\n".join(line[indent:] for line in lines)


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
