"""Files of conversion contracts: TOML with ``[[contracts]]``, refused whole, every fault with its key and what to do.

A fault of one contract does not hide those of the others: all contracts of a file are tried before it is refused.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Any, NoReturn

import msgspec

from catalogue.conversion import ConversionContract
from catalogue.errors import CatalogueFileError
from config.errors import ConfigurationError
from config.files import hint_for, parse_toml, place_of, read_text
from config.toml_lines import key_lines, line_of


def read_contracts(path: Path) -> tuple[ConversionContract, ...]:
    """Read every contract of one file; see `parse_contracts` for the errors, and it may not be readable."""
    try:
        text = read_text(path)
    except ConfigurationError as error:
        raise CatalogueFileError(error.message, **error.facts) from error
    return parse_contracts(path, text)


def parse_contracts(path: PurePath | str, text: str) -> tuple[ConversionContract, ...]:
    """Read every contract of the text of one file; ``path`` is its name in messages.

    Raises:
        CatalogueFileError: the text is not TOML, has anything but ``[[contracts]]``, or a contract is wrong; each
            fault names file, line, contract, key and what to do, and ``key`` and ``line`` are those of the first.
    """
    try:
        raw = parse_toml(path, text)
    except ConfigurationError as error:
        raise CatalogueFileError(error.message, **error.facts) from error
    stray = sorted(key for key in raw if key != "contracts")
    if stray:
        said = "not a key of this file; it holds [[contracts]] and nothing else"
        _refuse(path, [(line_of(key_lines(text), (stray[0],)), stray[0], f"{stray[0]}: {said}")])
    tables = raw.get("contracts")
    if not isinstance(tables, list) or not tables:
        said = "there is none; begin each contract with a line [[contracts]]"
        _refuse(path, [(line_of(key_lines(text), ("contracts",)), "contracts", f"contracts: {said}")])
    return _converted(path, text, tables)


def _converted(path: PurePath | str, text: str, tables: list[Any]) -> tuple[ConversionContract, ...]:
    found: list[ConversionContract] = []
    faults: list[tuple[int, str, str]] = []
    for number, table in enumerate(tables):
        try:
            found.append(msgspec.convert(table, ConversionContract))
        except msgspec.ValidationError as error:
            key, message = _fault(str(error))
            name = table.get("id", "without an id") if isinstance(table, dict) else "that is no table"
            line = line_of(key_lines(text), ("contracts", number, *place_of(str(error))))
            faults.append((line, f"contracts[{number}].{key}", f"contracts[{number}] ({name}): {key}: {message}"))
    if faults:
        _refuse(path, faults)
    return tuple(found)


def _refuse(path: PurePath | str, faults: list[tuple[int, str, str]]) -> NoReturn:
    """Refuse a file for what is wrong with it: line, key and message of each."""
    line, key, _ = faults[0]
    told = "\n".join(f"{path}, line {line}: {message}." for line, _, message in faults)
    raise CatalogueFileError(told, file=str(path), line=line, key=key)


def _fault(said: str) -> tuple[str, str]:
    """Take a message of the reader apart: the key, and what is wrong with what to do."""
    problem, _, place = said.partition(" - at `$")
    named = re.search(r"field `(\w+)`", problem)
    parts = [place.rstrip("`").lstrip("."), named[1] if named else ""]
    key = ".".join(part for part in parts if part)
    hint = hint_for(problem)
    if not key:
        key = problem.split(maxsplit=1)[0] if re.match(r"[a-z_]+(\.[a-z_]+)* ", problem) else "contract"
    return key, problem if hint is None else f"{problem}; {hint}"
