"""Voucher codes that survive being read aloud, and the life of a voucher as data.

A code is 11 random characters and one check character over an alphabet of 23 that leaves out whatever is easily taken
for something else (0 O, 1 I L, 2 Z, 5 S, 8 B, U V). The check is a pure system of the kind ISO/IEC 7064 describes
(modulus and radix: ``sum of a(i) x r^(i-1) = 1 mod M``, positions counted from the right), with M = 23, the size of the
alphabet, so that every check value is one of its characters, and r = 5, a primitive root of 23. Because 23 is prime and
5^k is 1 only for multiples of k = 22, every single wrong character and every exchange of two characters anywhere
in the code changes the sum. Source: ISO/IEC 7064:2003, pure systems.
"""

from __future__ import annotations

import hashlib
import unicodedata
from enum import StrEnum

from catalogue.errors import VoucherRefusedError

ALPHABET = "34679ACDEFGHJKMNPQRTWXY"
LENGTH = 12
RANDOMNESS_BYTES = 16
"""Bytes that `make_code` takes: 128 bits against 50 that the code shows leave no measurable bias."""

_MODULUS = len(ALPHABET)
_RADIX = 5
_DASHES = "-‐‑‒–—―−－"


class VoucherState(StrEnum):
    """Where a voucher is in its life. UNKNOWN is never stored: a later version of the code knows another state."""

    ISSUED = "issued"
    CONSUMED = "consumed"
    EXPIRED = "expired"
    VOID = "void"
    UNKNOWN = "unknown"


TRANSITIONS: dict[VoucherState, frozenset[VoucherState]] = {
    VoucherState.ISSUED: frozenset({VoucherState.CONSUMED, VoucherState.EXPIRED, VoucherState.VOID}),
    VoucherState.CONSUMED: frozenset({VoucherState.ISSUED}),
    VoucherState.EXPIRED: frozenset(),
    VoucherState.VOID: frozenset(),
    VoucherState.UNKNOWN: frozenset(),
}
"""From each state, the states that may follow; a consumed one only for a short while, when the desk takes it back."""


def sources_of(target: VoucherState) -> tuple[VoucherState, ...]:
    """List the states from which a voucher may come into another: what a guarded update must ask for."""
    return tuple(state for state, targets in TRANSITIONS.items() if target in targets)


def make_code(randomness: bytes) -> str:
    """Make a code, without dashes.

    Args:
        randomness: `RANDOMNESS_BYTES` bytes from a cryptographic source; the same bytes give the same code.
    """
    if len(randomness) != RANDOMNESS_BYTES:
        raise ValueError(f"a voucher code takes {RANDOMNESS_BYTES} bytes of randomness")
    number = int.from_bytes(randomness, "big")
    digits = []
    for _ in range(LENGTH - 1):
        number, digit = divmod(number, _MODULUS)
        digits.append(digit)
    check = (1 - _weigh([*digits, 0])) % _MODULUS
    return "".join(ALPHABET[digit] for digit in [*digits, check])


def normalise_code(text: str) -> str:
    """Bring what a desk typed into the stored form: half width, upper case, no spaces or dashes."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(character for character in folded if not character.isspace() and character not in _DASHES)


def check_code(text: str) -> bool:
    """Say whether a text, once normalised, is a code that could have been issued."""
    code = normalise_code(text)
    if len(code) != LENGTH or any(character not in ALPHABET for character in code):
        return False
    return _weigh([ALPHABET.index(character) for character in code]) == 1


def read_code(text: str) -> str:
    """Normalise a code and insist on its check character.

    Raises:
        VoucherRefusedError: it is mistyped (``reason`` is ``mistyped``); no voucher need be looked for.
    """
    if not check_code(text):
        raise VoucherRefusedError("The voucher code is mistyped.", reason="mistyped")
    return normalise_code(text)


def show_code(code: str) -> str:
    """Show a code in groups of four, as it is printed and read aloud."""
    return "-".join(code[start : start + 4] for start in range(0, LENGTH, 4))


def hash_code(code: str) -> str:
    """Give the SHA-256 (hex) by which a normalised code is looked up."""
    return hashlib.sha256(code.encode("ascii")).hexdigest()


def _weigh(digits: list[int]) -> int:
    total = 0
    for digit in digits:
        total = (total * _RADIX + digit) % _MODULUS
    return total
