"""Column types that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, DateTime, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

JsonDocument = JSON().with_variant(JSONB(), "postgresql")
"""A small JSON document; never holds money or points that are counted."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant with microseconds: ``timestamptz`` on PostgreSQL, fixed-width ISO text on SQLite."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of the dialect."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive instants; on SQLite write sortable text."""
        if dialect.name == "sqlite":
            return kept_instant(value)
        return None if value is None else _aware(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give back an aware UTC instant."""
        if value is None:
            return None
        if isinstance(value, str):
            return read_instant(value)
        return value.astimezone(UTC) if isinstance(value, datetime) else None


def kept_instant(value: datetime | None) -> str | None:
    """Write an instant as a column of SQLite keeps it; None stays None.

    Raises:
        ValueError: it is naive.
    """
    return None if value is None else instant_text(value)


def read_instant(text: str | None) -> datetime | None:
    """Read what a column of SQLite keeps of an instant, as an aware UTC one; None stays None."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


@lru_cache(maxsize=256)
def instant_text(at: datetime) -> str:
    """Write an aware instant as SQLite keeps it: 27 characters that sort like the instants.

    ``strftime`` would write early years with fewer digits. The last ones are remembered: a transaction writes the same
    instant into a dozen rows.

    Raises:
        ValueError: it is naive.
    """
    return _aware(at).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant must be aware")
    return value.astimezone(UTC)
