"""Paths into an answer: ``price.amount``, ``data.offers[0].id``. Strict about types, not about absence. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from adapters.sdk.codec import AwareInstant, local_instant
from adapters.sdk.currencies import minor_units
from adapters.sdk.errors import ProtocolError
from catalogue.values import Money

TEXT_LIMIT = 1_024
"""No reference, token or title of a partner is longer; a longer one is not what it is taken for."""

_STEP = re.compile(r"([A-Za-z0-9_@$:-]+)|\[([0-9]{1,4})\]", re.ASCII)
_PATH = re.compile(r"[A-Za-z0-9_@$:-]+(?:\[[0-9]{1,4}\])*(?:\.[A-Za-z0-9_@$:-]+(?:\[[0-9]{1,4}\])*)*", re.ASCII)


class _Absent:
    """Nothing stands there; not even null."""


ABSENT: Final = _Absent()


def is_path(text: str) -> bool:
    """Say whether a text is a path."""
    return _PATH.fullmatch(text) is not None


def at(document: Any, path: str) -> Any:
    """Answer what stands at a path, `ABSENT` when nothing does or something on the way is of another shape."""
    for name, number in _STEP.findall(path):
        if number:
            inside = isinstance(document, list) and int(number) < len(document)
            document = document[int(number)] if inside else ABSENT
        else:
            document = document.get(name, ABSENT) if isinstance(document, dict) else ABSENT
    return document


def text_at(document: Any, path: str) -> str:
    """Read a text; an integer is taken for one, because partners number things.

    Raises:
        ProtocolError: nothing, or something else, stands there.
    """
    value = at(document, path)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ProtocolError(f"{path} is not a text.")
    text = str(value)
    if not 1 <= len(text) <= TEXT_LIMIT:
        raise ProtocolError(f"{path} is empty or too long.")
    return text


def optional_text_at(document: Any, path: str) -> str | None:
    """Read a text, or None when nothing or null stands there."""
    return None if at(document, path) in (ABSENT, None) else text_at(document, path)


def integer_at(document: Any, path: str) -> int:
    """Read an integer; a text of digits is taken for one.

    Raises:
        ProtocolError: nothing, or something else, stands there.
    """
    value = at(document, path)
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]{0,14})", value, re.ASCII):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProtocolError(f"{path} is not an integer.")
    return value


def instant_at(document: Any, path: str, zone: str) -> datetime:
    """Read an instant: with its offset, or a local time of the zone that the mapping declares.

    Raises:
        ProtocolError: neither.
    """
    text = text_at(document, path)
    try:
        found: datetime = msgspec.convert(text, AwareInstant)
    except msgspec.ValidationError:
        if not zone:
            raise ProtocolError(f"{path} is not an instant with its offset.") from None
        return local_instant(text, zone)
    return found.astimezone(UTC)


def amount_text(value: Any) -> str:
    """Write an amount that stands in an answer, a text or a number, as a plain decimal.

    Raises:
        ProtocolError: it is neither.
    """
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ProtocolError("An amount is neither a text nor a number.")
    return str(value)


def money_at(document: Any, amount: str, minor_units_path: str, currency: str) -> Money:
    """Read money of a known currency: a decimal at ``amount``, or an integer of minor units at the other path.

    Raises:
        ProtocolError: no amount of that currency.
    """
    if minor_units_path:
        return Money(integer_at(document, minor_units_path), currency)
    return Money(minor_units(amount_text(at(document, amount)), currency), currency)
