"""Reading the TOML files that operators edit, with errors that name file and key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config.errors import ConfigurationError

T = TypeVar("T")

PACKAGED_FOLDER = Path(__file__).parent
"""Where the defaults lie that ship with the package; an operator's own folder has the same layout."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file.

    Raises:
        ConfigurationError: the file is absent or is not TOML; line and column are named.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}.") from error


def parse(path: Path, raw: object, type_: type[T]) -> T:
    """Give a TOML table its type; unknown, missing and mistyped keys are refused.

    Raises:
        ConfigurationError: names the file and the key.
    """
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {error}.") from error


def read_typed(path: Path, type_: type[T]) -> T:
    """Read one TOML file into a typed structure; see `read_toml` and `parse` for the errors."""
    return parse(path, read_toml(path), type_)


def toml_files(folder: Path) -> list[Path]:
    """List the TOML files of one folder by name; an absent folder has none."""
    return sorted(folder.glob("*.toml"))
