"""Files of conversion contracts: TOML with ``[[contracts]]``, refused whole, every fault with its key and what to do.

A fault of one contract does not hide those of the others: all contracts of a file are tried before it is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from catalogue.conversion import ConversionContract
from catalogue.errors import CatalogueFileError
from config.errors import ConfigurationError
from config.files import read_toml

HINTS = (
    ("unknown field", "remove it, or correct its spelling"),
    ("missing required field", "add it"),
    ("got `float`", "write a whole number, or a ratio as { from_units, to_units }"),
    ("RFC3339", "write the day as 2026-01-31, without quotes"),
    ("Expected `date`", "write the day as 2026-01-31, without quotes"),
    ("ISO 4217", "write three capital letters, such as CNY"),
    (">= ", "write a larger number"),
    ("Invalid enum value", "use one of the words that the documentation of the key lists"),
    ("Expected `", "write a value of that type"),
)
"""What to do, by a part of the message; what our own rules refuse says it already."""


def read_contracts(path: Path) -> tuple[ConversionContract, ...]:
    """Read every contract of one file.

    Raises:
        CatalogueFileError: the file is not TOML, has anything but ``[[contracts]]``, or a contract is wrong; each
            fault names file, contract, key and what to do, and ``key`` is that of the first.
    """
    try:
        raw = read_toml(path)
    except ConfigurationError as error:
        raise CatalogueFileError(error.message, file=path.name) from error
    stray = sorted(key for key in raw if key != "contracts")
    if stray:
        raise CatalogueFileError(
            f"{path}: {stray[0]}: not a key of this file; it holds [[contracts]] and nothing else.",
            file=path.name,
            key=stray[0],
        )
    tables = raw.get("contracts")
    if not isinstance(tables, list) or not tables:
        raise CatalogueFileError(
            f"{path}: contracts: there is none; begin each contract with a line [[contracts]].",
            file=path.name,
            key="contracts",
        )
    return _converted(path, tables)


def _converted(path: Path, tables: list[Any]) -> tuple[ConversionContract, ...]:
    found: list[ConversionContract] = []
    faults: list[tuple[str, str]] = []
    for number, table in enumerate(tables):
        try:
            found.append(msgspec.convert(table, ConversionContract))
        except msgspec.ValidationError as error:
            key, message = _fault(str(error))
            name = table.get("id", "without an id") if isinstance(table, dict) else "that is no table"
            faults.append((f"contracts[{number}].{key}", f"{path}: contracts[{number}] ({name}): {key}: {message}."))
    if faults:
        raise CatalogueFileError("\n".join(line for _, line in faults), file=path.name, key=faults[0][0])
    return tuple(found)


def _fault(said: str) -> tuple[str, str]:
    """Take a message of the reader apart: the key, and what is wrong with what to do."""
    problem, _, place = said.partition(" - at `$")
    named = re.search(r"field `(\w+)`", problem)
    parts = [place.rstrip("`").lstrip("."), named[1] if named else ""]
    key = ".".join(part for part in parts if part)
    hint = next((todo for mark, todo in HINTS if mark in problem), None)
    if not key:
        key = problem.split(maxsplit=1)[0] if re.match(r"[a-z_]+(\.[a-z_]+)* ", problem) else "contract"
    return key, problem if hint is None else f"{problem}; {hint}"
