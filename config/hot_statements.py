"""Statements of the few hottest paths, handed to the driver below SQLAlchemy, inside the caller's transaction.

A statement costs SQLAlchemy ten times what it costs SQLite, and on PostgreSQL the way there and back is most of it.
What runs thousands of times a second is therefore written in the database's own words: many small statements on SQLite,
one function of the schema on PostgreSQL. Errors leave as SQLAlchemy's, so that the seam needs to know of one kind only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from config import put_off, side_by_side
from config.database_errors import ASYNCPG_ERRORS, of_driver


@dataclass(frozen=True)
class Look:
    """One statement, in each database's words, that gives one value: it needs no transaction to see one moment."""

    sqlite: str
    postgresql: str


def on_sqlite(connection: Connection, sql: str, values: Mapping[str, Any] | Sequence[Any]) -> sqlite3.Cursor:
    """Run one statement with ``:named`` or numbered values; the cursor has its rows and its ``rowcount``.

    Raises:
        DBAPIError: SQLite refused it, or failed.
    """
    try:
        return _sqlite(connection).execute(sql, values)
    except sqlite3.Error as error:
        _refused_by_sqlite(sql, error)


def many_on_sqlite(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement for every row of values.

    Raises:
        DBAPIError: SQLite refused it, or failed.
    """
    try:
        _sqlite(connection).executemany(sql, rows)
    except sqlite3.Error as error:
        _refused_by_sqlite(sql, error)


def on_postgresql(connection: Connection, sql: str, *values: Any) -> Any:
    """Run one statement with ``$1`` values, in one way there and back, and answer the first column of its only row.

    An operation that runs beside others shares that way with those that ask for the same (`config.side_by_side`).

    Raises:
        DBAPIError: PostgreSQL refused it, or failed.
    """
    if side_by_side.is_beside():
        return side_by_side.ask(sql, values)
    return _awaited(sql, _postgresql(connection).fetchval(sql, *values))


def look_on_postgresql(
    connection: Connection, looking: str, locking: str, values: Sequence[Any], tables: frozenset[str]
) -> Any:
    """Run a function of the schema that takes a list of each of the values; answer the first column of its only row.

    Args:
        connection: of the operation.
        looking: the statement for an operation that runs beside others: it locks nothing, is run once for all that ask
            for it, and gives a row for each of them, in their order. What is decided by it is guarded by what is
            written.
        locking: the statement for one that runs alone.
        values: of this operation.
        tables: it looks at these.

    Raises:
        DBAPIError: PostgreSQL refused it, or failed.
    """
    if side_by_side.is_beside():
        return side_by_side.look_for_each(looking, values, tables)
    return on_postgresql(connection, locking, *([value] for value in values))


def foresee_on_postgresql(looking: str, values: Sequence[Any], tables: frozenset[str]) -> None:
    """Say that `look_on_postgresql` will as good as certainly be asked for this, where that saves a way."""
    if side_by_side.is_beside():
        side_by_side.foresee(looking, values, tables)


def merged_on_postgresql(connection: Connection, part: put_off.Merged) -> Any:
    """Do a part that can be merged with others; null when it is done.

    Beside others it is put off and taken for done; whoever is wrong in this runs again alone and is told.

    Raises:
        DBAPIError: PostgreSQL refused it, or failed.
    """
    if side_by_side.is_beside():
        side_by_side.put_off(part)
        return None
    return on_postgresql(connection, f"SELECT {part.sql}", part.put([part.part]))


def check_put_off(sql: str, values: Sequence[Any]) -> bool:
    """Put off a condition, of an operation that runs beside others, to when all is written; False when it runs alone.

    Where it does not hold then, the operation runs again alone.
    """
    if not side_by_side.is_beside():
        return False
    side_by_side.put_off(put_off.Check(sql, values))
    return True


def rows_on_postgresql(connection: Connection, sql: str, values: Sequence[Any]) -> list[Any]:
    """Run one statement and answer its rows; see `on_postgresql`."""
    found: list[Any] = _awaited(sql, _postgresql(connection).fetch(sql, *values))
    return found


def changed_on_postgresql(connection: Connection, sql: str, values: Sequence[Any]) -> int:
    """Run one statement and answer how many rows it wrote; see `on_postgresql`."""
    told: str = _awaited(sql, _postgresql(connection).execute(sql, *values))
    return int(told.rpartition(" ")[2])


def _postgresql(connection: Connection) -> asyncpg.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, asyncpg.Connection)
    if not driver.is_in_transaction():
        connection.exec_driver_sql("SELECT 1")
    return driver


def _awaited(sql: str, asked: Awaitable[Any]) -> Any:
    try:
        return await_only(asked)
    except ASYNCPG_ERRORS as error:
        raise of_driver(sql, error) from None


@contextmanager
def savepoint(connection: Connection, name: str) -> Iterator[None]:
    """Undo what is done inside when it raises, and let that pass; a savepoint below SQLAlchemy, which costs it less.

    An operation that runs beside others has none, and stops there when something is to be undone: it runs again alone.
    """
    if side_by_side.is_beside():
        try:
            yield
        except Exception:  # noqa: BLE001  # it is raised again where it can be undone
            side_by_side.stop()
        return
    _plainly(connection, f"SAVEPOINT {name}")
    try:
        yield
    except BaseException:
        if not connection.invalidated:  # lost: there is nothing left to undo, and the error that says so must pass
            _plainly(connection, f"ROLLBACK TO SAVEPOINT {name}")
            _plainly(connection, f"RELEASE SAVEPOINT {name}")
        raise
    _plainly(connection, f"RELEASE SAVEPOINT {name}")


def _plainly(connection: Connection, sql: str) -> None:
    if connection.dialect.name == "sqlite":
        on_sqlite(connection, sql, ())
    else:
        _awaited(sql, _postgresql(connection).execute(sql))


def _sqlite(connection: Connection) -> sqlite3.Connection:
    raw: Any = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _refused_by_sqlite(sql: str, error: sqlite3.Error) -> NoReturn:
    raise DBAPIError.instance(sql, None, error, sqlite3.Error, hide_parameters=True) from None
