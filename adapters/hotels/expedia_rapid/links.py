"""Following the partner's links without going where we did not mean to go.

A link may be absolute or relative (Rapid v3 OpenAPI file, schema Link). Only its path and query are used, the path must
be that of the operation it is for, and the host is always the configured one.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

_SEGMENT = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,128}"
_QUERY = re.compile(r"[A-Za-z0-9._~!$'()*+,;:@/?%=&-]{0,4096}", re.ASCII)

PATTERNS = {
    "price_check": re.compile(rf"/v3/properties/({_SEGMENT})/rooms/({_SEGMENT})/rates/({_SEGMENT})", re.ASCII),
    "book": re.compile(r"/v3/itineraries", re.ASCII),
    "retrieve": re.compile(rf"/v3/itineraries/({_SEGMENT})", re.ASCII),
    "cancel": re.compile(rf"/v3/itineraries/({_SEGMENT})/rooms/({_SEGMENT})", re.ASCII),
}
"""The documented path of each linked operation; groups are its identifiers."""


class Target(msgspec.Struct, frozen=True):
    """Where a link leads: its path, the query exactly as the partner wrote it, and the identifiers in the path."""

    path: str
    query: str
    identifiers: tuple[str, ...]


def follow(operation: str, href: str) -> Target | None:
    """Read a link that is meant for an operation of `PATTERNS`; None when it leads anywhere else."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return None
    match = PATTERNS[operation].fullmatch(parts.path)
    if match is None or not _QUERY.fullmatch(parts.query):
        return None
    return Target(path=parts.path, query=parts.query, identifiers=match.groups())
