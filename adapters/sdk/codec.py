"""Strict JSON at the partner seam. Pure.

Stricter than any library's default: no NaN or Infinity, no duplicate keys, no bad UTF-8, lone surrogates or NUL,
bounded depth and digits; numbers with a point become `decimal.Decimal` and never fit an ``int``, a boolean never fits
one either. More tolerant in one point: fields that a wire type does not name are ignored, because partners add some.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Never, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from adapters.sdk.currencies import decimal_text, minor_units
from adapters.sdk.errors import ProtocolError

__all__ = ["AwareInstant", "decimal_text", "decode", "encode", "local_instant", "minor_units"]

T = TypeVar("T")

AwareInstant = Annotated[datetime, msgspec.Meta(tz=True)]
"""For wire types: an RFC 3339 instant that must carry its offset."""

DEPTH_LIMIT = 32
DIGIT_LIMIT = 19

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", re.ASCII)


def decode(body: bytes, type_: type[T]) -> T:
    """Read a body strictly as one JSON text of a type.

    Args:
        body: the whole body; its size was capped when it was read.
        type_: a msgspec structure or any type it understands. Fractions are declared as ``Decimal``, never ``float``.

    Raises:
        ProtocolError: not JSON in the strict reading, or not of the type (an unknown enum value included). The message
            holds no content of the body.
    """
    _refuse_depth(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_constant,
            parse_float=_fraction,
            parse_int=_integer,
        )
        _refuse_characters(body, value)
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"The answer has another shape: {_place(error)}.") from error
    except (ValueError, ArithmeticError) as error:
        raise ProtocolError("The answer is not strict JSON.") from error


def encode(value: object) -> bytes:
    """Write a value as JSON; structures in the order of their fields, so the same value gives the same bytes."""
    return msgspec.json.encode(value)


def local_instant(text: str, zone: str) -> datetime:
    """Read a local time without offset in the zone that the partner's documentation declares.

    Args:
        text: ``YYYY-MM-DDThh:mm`` with optional seconds; an offset or ``Z`` is refused, it would contradict the zone.
        zone: IANA name. Of a time that happens twice the first is meant.

    Raises:
        ProtocolError: another form, no such day or zone, or a time that the clocks skipped.
    """
    if not _LOCAL.fullmatch(text):
        raise ProtocolError("A local time is not of the form YYYY-MM-DDThh:mm[:ss].")
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise ProtocolError("A local time names no instant.") from error
    instant = local.astimezone(UTC)
    if abs(instant.astimezone(local.tzinfo).replace(tzinfo=None) - local.replace(tzinfo=None)) > timedelta(0):
        raise ProtocolError("A local time was skipped by its zone's clocks.")
    return instant


def _refuse_depth(body: bytes) -> None:
    depth = 0
    for character in _STRING.sub(b"", body):
        if character in b"[{":
            depth += 1
            if depth > DEPTH_LIMIT:
                raise ProtocolError("The answer is nested too deeply.")
        elif character in b"]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _constant(text: str) -> Never:
    raise ValueError(f"{text} is not JSON")


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > DIGIT_LIMIT:
        raise ValueError("an integer is too large")
    return int(text)


def _fraction(text: str) -> Decimal:
    if len(text) > 2 * DIGIT_LIMIT:
        raise ValueError("a number is too long")
    value = Decimal(text)
    if not value.is_finite() or abs(value.adjusted()) > DIGIT_LIMIT:
        raise ValueError("a number is too large or too small")
    return value


def _refuse_characters(body: bytes, value: object) -> None:
    """Refuse what JSON can escape and neither UTF-8 nor a database can hold."""
    if b"\\u" not in body:
        return
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a text holds NUL")
        value.encode("utf-8")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_characters(body, key)
            _refuse_characters(body, item)
    elif isinstance(value, list):
        for item in value:
            _refuse_characters(body, item)


def _place(error: msgspec.ValidationError) -> str:
    """Keep what was expected and where, drop any value that the library quotes."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "a value", str(error))
