"""The partner file's ``[options]``, given the type that an adapter declares. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from adapters.sdk.manifest import Limits
from config.errors import ConfigurationError

T = TypeVar("T", bound=msgspec.Struct)


def typed_options(partner: str, raw: Mapping[str, Any], type_: type[T]) -> T:
    """Give the options their type; unknown keys are refused where the type forbids them.

    Raises:
        ConfigurationError: a key is unknown, missing or mistyped; names the partner's file and the key.
    """
    try:
        return msgspec.convert(dict(raw), type_)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"partners/{partner}.toml [options]: {error}.") from error


def within_deadline(options: T, limits: Limits) -> T:
    """Give options whose ``reading_deadline_seconds`` is never longer than the deadline in force for the partner."""
    asked: float = getattr(options, "reading_deadline_seconds", limits.deadline_seconds)
    return msgspec.structs.replace(options, reading_deadline_seconds=min(asked, limits.deadline_seconds))
