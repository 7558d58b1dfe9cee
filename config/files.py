"""Reading the TOML files that operators edit, with errors that name file, line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, TypeVar

import msgspec

from config.errors import ConfigurationError
from config.toml_lines import Place, key_lines, line_of

T = TypeVar("T")

PACKAGED_FOLDER = Path(__file__).parent
"""Where the defaults lie that ship with the package; an operator's own folder has the same layout."""

_AT = re.compile(r" - at `(?:key in )?\$([^`]*)`")
_STEP = re.compile(r"\.([^.\[]+)|\[([0-9]+)\]")
_FIELD = re.compile(r"unknown field `([^`]*)`")
_NAMED = re.compile(r"([a-z_]+) ")

HINTS = (
    ("unknown field", "remove it, or correct its spelling"),
    ("missing required field", "add it"),
    ("got `float`", "write a whole number, or a ratio as { from_units, to_units }"),
    ("RFC3339", "write the day as 2026-01-31, without quotes"),
    ("Expected `date`", "write the day as 2026-01-31, without quotes"),
    ("ISO 4217", "write three capital letters, such as CNY"),
    (">= ", "write a larger number"),
    ("Invalid enum value", "use one of the words that the documentation of the key lists"),
    ("regex '^[A-Z]", "write a commodity, such as PTS, CNY or MILES:partner"),
    ("matching regex", "write letters, digits and . _ - without spaces, as names are made of"),
    ("Expected `", "write a value of that type"),
)
"""What to do, by a part of the reader's message; what our own rules refuse says it already."""


def read_text(path: Path) -> str:
    """Read a file as UTF-8.

    Raises:
        ConfigurationError: it is absent, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ConfigurationError(f"{path} cannot be read: {reason}.", file=str(path)) from error


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file.

    Raises:
        ConfigurationError: the file is absent or is not TOML; line and column are named.
    """
    return parse_toml(path, read_text(path))


def parse_toml(path: PurePath | str, text: str) -> dict[str, Any]:
    """Read the text of a TOML file; ``path`` is its name in messages.

    Raises:
        ConfigurationError: it is not TOML; line and column are named.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = str(error).replace("at end of document", f"at the end, line {text.count(chr(10)) + 1}")
        raise ConfigurationError(f"{path} is not TOML: {told}.", file=str(path)) from error


def parse(path: Path, raw: object, type_: type[T]) -> T:
    """Give a TOML table its type; unknown, missing and mistyped keys are refused.

    Raises:
        ConfigurationError: names the file and the key.
    """
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {error}.", file=str(path)) from error


def parse_text(path: PurePath | str, text: str, type_: type[T]) -> T:
    """Give the text of a TOML file its type; ``path`` is its name in messages.

    Raises:
        ConfigurationError: it is not TOML, or a key is unknown, missing or mistyped; names file, line and key, also as
            facts.
    """
    raw = parse_toml(path, text)
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError as error:
        lines = key_lines(text)
        place = _narrowed(place_of(str(error)), str(error), lines)
        line = line_of(lines, place)
        hint = hint_for(str(error))
        told = f"{path}, line {line}: {error}{'' if hint is None else f'; {hint}'}."
        raise ConfigurationError(told, file=str(path), line=line, key=key_text(place)) from error


def hint_for(problem: str) -> str | None:
    """Say what to do about a message of the reader; None where a rule of our own refuses, which says it itself."""
    return next((todo for mark, todo in HINTS if mark in problem), None)


def read_typed(path: Path, type_: type[T]) -> T:
    """Read one TOML file into a typed structure; see `read_text` and `parse_text` for the errors."""
    return parse_text(path, read_text(path), type_)


def toml_files(folder: Path) -> list[Path]:
    """List the TOML files of one folder by name; an absent folder has none."""
    return sorted(folder.glob("*.toml"))


def key_text(place: Place) -> str:
    """Write a place the way people do: ``versions[0].payment.points.price``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return "".join(steps).removeprefix(".")


def place_of(message: str) -> Place:
    """Read where a validation error is from its message, as far as it says; keys of a mapping are not named there."""
    found = _AT.search(message)
    place: Place = ()
    if found is not None:
        named = found[1].partition("[...]")[0]
        place = tuple(key or int(number) for key, number in _STEP.findall(named))
    field = _FIELD.search(message)
    return place if field is None else (*place, field[1])


def _narrowed(place: Place, message: str, lines: Mapping[Place, int]) -> Place:
    """Go on to the key with which a rule's own message begins, where the table has it."""
    named = _NAMED.match(message)
    return (*place, named[1]) if named is not None and (*place, named[1]) in lines else place
