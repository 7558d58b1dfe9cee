"""Identifiers that follow from what they name, so that doing a thing twice names it the same. Pure."""

from __future__ import annotations

import hashlib

from catalogue.identifiers import ALPHABET


def derived_id(prefix: str, *parts: str) -> str:
    """Make ``prefix_`` and 26 characters from the SHA-256 of the parts.

    The parts are joined with a line feed, which none may hold.
    """
    if any("\n" in part for part in parts):
        raise ValueError("a part of a derived identifier is one line")
    digest = int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest(), "big")
    return prefix + "_" + "".join(ALPHABET[digest >> shift & 31] for shift in range(0, 130, 5))
