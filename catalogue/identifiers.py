"""Prefixed, sortable identifiers: ``rdm_`` + 26 characters of Crockford base 32 (48 bits of time, 80 of randomness).

Source: the layout is that of ULID (github.com/ulid/spec, read 2026-11-21); lower case, and the prefix says of what.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from config.clock import Clock

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_DIGITS = re.compile(f"[{ALPHABET}]{{26}}")
_SHIFTS = range(120, -10, -10)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PREFIXES = {
    "member": "mbr",
    "redemption": "rdm",
    "itinerary": "itn",
    "quote": "qte",
    "voucher": "vch",
    "conversion": "cnv",
    "tier_match": "tmt",
    "accrual": "acr",
    "attempt": "att",
    "event": "evt",
    "settlement_line": "sln",
    "statement": "stm",
    "settlement_run": "run",
    "break": "brk",
    "request": "req",
    "bulk_file": "blk",
    "alarm": "alm",
    "partner_link": "lnk",
    "frozen_account": "frz",
}
"""Every kind of thing that has an identifier of ours."""


def make_identifier(kind: str, instant: datetime, randomness: bytes) -> str:
    """Make an identifier from its parts.

    Args:
        kind: a key of `PREFIXES`.
        instant: aware; its milliseconds are the sortable part.
        randomness: 10 bytes.
    """
    if len(randomness) != 10:
        raise ValueError("an identifier takes 10 bytes of randomness")
    milliseconds = (instant - EPOCH) // timedelta(milliseconds=1)
    number = milliseconds << 80 | int.from_bytes(randomness, "big")
    return f"{PREFIXES[kind]}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


def is_identifier(kind: str, text: str) -> bool:
    """Say whether a text has the form of an identifier of this kind."""
    return text.startswith(f"{PREFIXES[kind]}_") and _DIGITS.fullmatch(text, 4) is not None


class Identifiers:
    """Makes identifiers from a clock and a source of randomness; both are arguments."""

    def __init__(self, clock: Clock, randomness: Callable[[int], bytes] = secrets.token_bytes) -> None:
        """Keep the two sources."""
        self._clock = clock
        self._randomness = randomness

    def new(self, kind: str) -> str:
        """Make a new identifier of a kind of `PREFIXES`."""
        return make_identifier(kind, self._clock.now(), self._randomness(10))
