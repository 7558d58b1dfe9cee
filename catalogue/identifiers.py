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
_FORTY_BITS = (1 << 40) - 1
_MILLISECOND = timedelta(milliseconds=1)
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
    milliseconds = (instant - EPOCH) // _MILLISECOND
    time = _PAIRS[milliseconds >> 40] + _eight(milliseconds & _FORTY_BITS)
    return f"{PREFIXES[kind]}_{time}{_eight(int.from_bytes(randomness[:5]))}{_eight(int.from_bytes(randomness[5:]))}"


def _eight(number: int) -> str:
    """Write forty bits: numbers of a machine's word are shifted in half the time of longer ones."""
    pairs = _PAIRS
    return pairs[number >> 30] + pairs[number >> 20 & 1023] + pairs[number >> 10 & 1023] + pairs[number & 1023]


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
