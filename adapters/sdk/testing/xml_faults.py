"""The faults of `adapters.sdk.testing.faults` for partners that speak XML; None for a body that is no XML."""

from __future__ import annotations

import re
from collections.abc import Callable

from adapters.sdk.errors import ProtocolError
from adapters.sdk.xml_codec import decode_xml, texts

_ROOT = re.compile(rb"<[A-Za-z_][^>]*?(/?)>")
_VALUE = re.compile(rb"=\"([^\"]*)\"|>([^<]+)<")
_DECIMAL = re.compile(rb"\d+(\.\d+)?")
DEPTH = 5_000


def entities(body: bytes) -> bytes | None:
    """Put a document type with entities that multiply before the document, and use them in it."""
    opening = _opening(body)
    if opening is None:
        return None
    start, end = opening
    document_type = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    return body[:start] + document_type + body[start:end] + b"<x>&b;</x>" + body[end:]


def attribute_twice(body: bytes) -> bytes | None:
    """Give the first element an attribute twice."""
    opening = _opening(body)
    if opening is None:
        return None
    end = opening[1]
    return body[: end - 1] + b' twice="a" twice="b"' + body[end - 1 :]


def deep(body: bytes) -> bytes | None:
    """Put thousands of nested elements into the document."""
    opening = _opening(body)
    if opening is None:
        return None
    end = opening[1]
    return body[:end] + b"<x>" * DEPTH + b"</x>" * DEPTH + body[end:]


def values(body: bytes) -> set[str]:
    """Answer every value of a document; none of what is no XML."""
    if not body.startswith(b"<"):
        return set()
    try:
        return {value for _, value in texts(decode_xml(body))}
    except ProtocolError:
        return set()


def echo_changed(body: bytes, said: set[str]) -> bytes | None:
    """Change every value that repeats one of the request's."""
    return _each_value(body, lambda value: _other(value) if value.decode() in said else value)


def amounts_changed(body: bytes) -> bytes | None:
    """Change every value that is a plain decimal."""
    return _each_value(body, lambda value: b"1" + value if _DECIMAL.fullmatch(value) else value)


def _other(value: bytes) -> bytes:
    return value[:-1] + (b"1" if value[-1:] == b"0" else b"0")


def _each_value(body: bytes, change: Callable[[bytes], bytes]) -> bytes | None:
    if _opening(body) is None:
        return None

    def changed(found: re.Match[bytes]) -> bytes:
        if found[1] is not None:
            return b'="' + change(found[1]) + b'"'
        return b">" + change(found[2]) + b"<"

    start = body.index(b"?>") + 2 if body.startswith(b"<?xml") else 0
    return body[:start] + _VALUE.sub(changed, body[start:])


def _opening(body: bytes) -> tuple[int, int] | None:
    """Find where the first element's tag begins and ends; None when it has no content or the body is no XML."""
    found = _ROOT.search(body) if body.startswith(b"<") else None
    return None if found is None or found[1] else found.span()
