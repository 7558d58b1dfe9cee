"""Keyset pages: a cursor is the position of the last item, signed, and good for one list of one caller only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import insert_new
from gateway.edge_tables import edge_keys
from gateway.errors import CursorError

DEFAULT_LIMIT = 20
MAXIMUM_LIMIT = 100
_NAME = "cursor"
_TAG_BYTES = 16

Position = tuple[str | int, ...]
"""The sort key of an item: texts and integers only (an instant as its ISO text)."""


class Cursors:
    """Seals positions into opaque texts and opens them again."""

    def __init__(self, key: bytes) -> None:
        """Keep the key."""
        self._key = key

    def seal(self, purpose: str, position: Position) -> str:
        """Make the cursor after a position; ``purpose`` names list and caller."""
        body = msgspec.json.encode(position)
        return base64.urlsafe_b64encode(self._tag(purpose, body) + body).decode().rstrip("=")

    def open(self, purpose: str, cursor: str) -> Position:
        """Answer the position that a cursor holds.

        Raises:
            CursorError: not made by `seal` for this purpose.
        """
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise _refused() from error
        tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(purpose, body)):
            raise _refused()
        return msgspec.json.decode(body, type=Position)

    def _tag(self, purpose: str, body: bytes) -> bytes:
        return hmac.digest(self._key, purpose.encode() + b"\x00" + body, hashlib.sha256)[:_TAG_BYTES]


def cut(
    rows: Sequence[Any], limit: int, position: Callable[[Any], Position], seal: Callable[[Position], str]
) -> tuple[list[Any], str | None]:
    """Cut a page of ``limit`` from rows that were asked for with one more; answer the items and the next cursor."""
    items = list(rows[:limit])
    more = len(rows) > limit
    return items, seal(position(items[-1])) if more and items else None


def cursor_key(connection: Connection, at: datetime, randomness: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
    """Read the key that all workers share, making it when there is none yet."""
    row = {"name": _NAME, "value": randomness(32), "created_at": at}
    insert_new(connection, edge_keys, row, unique=["name"])
    value: bytes = connection.execute(sa.select(edge_keys.c.value).where(edge_keys.c.name == _NAME)).scalar_one()
    return bytes(value)


def _refused() -> CursorError:
    return CursorError("The cursor does not belong to this list; begin without one.")
