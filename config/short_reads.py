"""Reads of SQLite where they are asked for: on the event loop's own thread, for as long as they are short.

A short read costs less than to hand it to another thread and to wait for the answer. It waits for nobody: in WAL mode
readers do not wait for the writer. What is not short must not hold the loop up: a statement that runs beyond the budget
is interrupted, and so is one that meets a lock; the caller then runs the whole operation again aside, on a thread of
aiosqlite's, which may take its time. Each read is one transaction, hence one snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from config.database_errors import DatabaseStoppedError, converted
from config.hot_statements import on_sqlite

T = TypeVar("T")
BUDGET_SECONDS = 0.02
_STEPS = 2_000
"""Steps of SQLite's machine between two looks at the clock: some tens of microseconds."""
_ASIDE = {5, 6, 9}
"""SQLite's primary result codes BUSY, LOCKED and INTERRUPT. Source: SQLite result codes, read 2026-11-28."""


class TakesLongerError(Exception):
    """The read was given up: it is to be run aside."""


class ShortReads:
    """The one connection over which an event loop reads; opened by the first read."""

    def __init__(self, engine: Engine, budget_seconds: float = BUDGET_SECONDS) -> None:
        """Keep the engine, which is disposed of by `close`."""
        self._engine = engine
        self._budget = budget_seconds
        self._until = 0.0
        self._connection: Connection | None = None
        self._closed = False

    def run(self, operation: Callable[[Connection], T]) -> T:
        """Run a reading operation in one snapshot.

        Raises:
            TakesLongerError: it is not short, or met a lock.
            DatabaseStoppedError: it is closed.
            DatabaseError: SQLite refused it, or failed.
        """
        self._until = time.monotonic() + self._budget
        try:
            connection = self._opened()
            with connection.begin():
                return operation(connection)
        except DBAPIError as error:
            raise self._given_up(error) from None

    def look(self, sql: str, values: tuple[Any, ...]) -> Any:
        """Run one statement that gives one value, None when it gives no row; see `run` for the errors."""
        self._until = time.monotonic() + self._budget
        try:
            row = on_sqlite(self._opened(), sql, values).fetchone()
        except DBAPIError as error:
            raise self._given_up(error) from None
        return None if row is None else row[0]

    def _given_up(self, error: DBAPIError) -> Exception:
        self._forget()
        code = getattr(error.orig, "sqlite_errorcode", None)
        aside = isinstance(code, int) and (code & 0xFF) in _ASIDE
        return TakesLongerError() if aside else converted(error)

    def close(self) -> None:
        """Close the connection; nothing is read any more."""
        self._closed = True
        self._forget()
        self._engine.dispose()

    def _opened(self) -> Connection:
        if self._closed:
            raise DatabaseStoppedError("The database is closed.")
        if self._connection is None:
            self._connection = self._engine.connect()
            raw: Any = self._connection.connection.dbapi_connection
            raw.set_progress_handler(self._is_over, _STEPS)
        return self._connection

    def _is_over(self) -> bool:
        return time.monotonic() > self._until

    def _forget(self) -> None:
        """After an error the next read begins with another connection."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
