"""Splitting a telephone number: Rapid takes the country's calling code apart from the rest.

Source: ITU-T E.164, list of assigned country codes: codes are prefix-free; 1 and 7 have one digit, those listed here
two, all others three (read 2026-11-22).
"""

from __future__ import annotations

import re

_E164 = re.compile(r"\+([1-9][0-9]{6,14})", re.ASCII)
_ONE_DIGIT = frozenset("17")
_TWO_DIGITS = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 "
    "60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98".split()
)


def split_phone(number: str) -> tuple[str, str] | None:
    """Split ``+8613900000000`` into ``("86", "13900000000")``; None when it is not E.164 with its plus sign."""
    match = _E164.fullmatch(number)
    if match is None:
        return None
    digits = match[1]
    length = 1 if digits[0] in _ONE_DIGIT else 2 if digits[:2] in _TWO_DIGITS else 3
    return digits[:length], digits[length:]
