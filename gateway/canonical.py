"""Canonical JSON: one byte form for one value, so that equal requests have equal fingerprints.

Source: RFC 8785 (JSON Canonicalization Scheme, read 2026-11-22), without its number section: nothing that the
gateway fingerprints is a float, and integers are written as they are.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec


def canonical_json(value: Any) -> bytes:
    """Write builtin values: keys sorted by UTF-16 code units, no white space, the shortest escapes, UTF-8.

    Raises:
        TypeError: a float, or a value that JSON does not know.
    """
    return json.dumps(_ordered(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def fingerprint(*parts: Any) -> str:
    """Answer the SHA-256, in hexadecimal, of validated structures and plain values together."""
    return hashlib.sha256(canonical_json(msgspec.to_builtins(parts))).hexdigest()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda text: text.encode("utf-16-be"))}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{type(value).__name__} has no canonical form")


class Tagged(msgspec.Struct, frozen=True):
    """A JSON answer with its strong entity tag."""

    body: bytes
    tag: str


def tagged(value: msgspec.Struct) -> Tagged:
    """Write a value, and the tag that tells whether it is another one."""
    body = msgspec.json.encode(value)
    return Tagged(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
