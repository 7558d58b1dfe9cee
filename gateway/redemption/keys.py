"""The key a partner knows a redemption by: derived from the redemption, the same for every attempt (rule R3)."""

from __future__ import annotations

from hashlib import sha256

from adapters.sdk.manifest import KeyFacts

_WIDE = "0123456789abcdefghijklmnopqrstuvwxyz"


def partner_key(redemption_id: str, facts: KeyFacts) -> str:
    """Derive the key within what the partner's field holds.

    The identifier itself where it fits; else its part after the prefix; else a digest written in the field's own
    alphabet at its full length, which must leave at least 80 bits.

    Raises:
        ValueError: the field is too small to hold a key that cannot collide.
    """
    for candidate in (redemption_id, redemption_id.partition("_")[2]):
        if _fits(candidate, facts):
            return candidate
    alphabet = facts.alphabet or _WIDE
    length = facts.max_length
    if len(alphabet) ** length < 2**80:
        raise ValueError(f"the key field {facts.field!r} of {length} characters is too small")
    number = int.from_bytes(sha256(redemption_id.encode()).digest(), "big")
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(digits)


def _fits(candidate: str, facts: KeyFacts) -> bool:
    if facts.max_length and len(candidate) > facts.max_length:
        return False
    return len(candidate) >= facts.min_length and all(not facts.alphabet or c in facts.alphabet for c in candidate)
