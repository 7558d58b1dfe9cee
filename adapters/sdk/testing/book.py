"""What a simulated partner knows: tables of rows in memory, for the process's life."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import date
from typing import Any

import msgspec

from adapters.sdk.records import StatementLine

LYING: ContextVar[bool] = ContextVar("LYING", default=False)
"""Set while a fault makes the partner answer without doing: writes to the book are then dropped."""


class Book(ABC):
    """Tables by name, rows by key. Every write goes through `put`, so that a lying partner can forget it."""

    def __init__(self) -> None:
        """Start empty."""
        self._tables: dict[str, dict[str, Any]] = {}

    def put(self, table: str, key: str, row: msgspec.Struct) -> None:
        """Insert or replace a row; nothing happens while the partner lies."""
        if not LYING.get():
            self._tables.setdefault(table, {})[key] = row

    def get(self, table: str, key: str) -> Any | None:
        """Answer a row or None."""
        return self._tables.get(table, {}).get(key)

    def rows(self, table: str) -> tuple[Any, ...]:
        """Answer the rows of a table in the order of their first insertion."""
        return tuple(self._tables.get(table, {}).values())

    def snapshot(self) -> dict[str, Any]:
        """Answer everything as plain data."""
        found: dict[str, Any] = msgspec.to_builtins(self._tables)
        return found

    @abstractmethod
    def statement_lines(self, business_date: date) -> Sequence[StatementLine]:
        """Answer the true rows of a day's statement, in a stable order."""
