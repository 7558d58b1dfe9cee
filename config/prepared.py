"""A statement of SQLAlchemy's that is put into the database's words once and handed to the driver as it is.

The statement is written as everywhere: tables and columns, for both databases, values as `bindparam`s (and constants as
they are). What SQLAlchemy does for each run (a cache key, a context, a result, rows) is left out; the types of columns
still turn values into what the database keeps, and back. It runs in the caller's transaction. See
`config.hot_statements` for what is faster still and has to be written once per database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from config import put_off, side_by_side
from config.hot_statements import changed_on_postgresql, on_sqlite, rows_on_postgresql
from config.types import Instant, kept_instant, read_instant

Processor = Callable[[Any], Any] | None


class _Compiled:
    """A statement in one dialect's words."""

    def __init__(self, statement: sa.Executable, dialect: Dialect) -> None:
        assert isinstance(statement, sa.ClauseElement)
        made = statement.compile(dialect=dialect)
        assert isinstance(made, SQLCompiler)
        assert made.positiontup is not None, "both drivers take values by position"
        assert not made.post_compile_params, "a list of values is given as `among` makes it"
        assert not made.insert_prefetch, "every column is given; none has a default that Python makes"
        self.sql = made.string
        self.only_reads = made.string.startswith("SELECT") and " FOR " not in made.string
        whole = made.statement
        assert whole is not None
        self._looks_at = put_off.looked_at(whole)
        self._needs = self._looks_at | put_off.referred_to(whole)
        self._only_adds = isinstance(whole, sa.Insert) and whole.select is None
        self._table = put_off.written_by(whole)
        types = {name: bind.type for bind, name in made.bind_names.items()}
        given = {name for bind, name in made.bind_names.items() if bind.required}
        self._constants = {k: value for k, value in made.construct_params(_check=False).items() if k not in given}
        self._names = made.positiontup
        writing = [_to_be_kept(types[name], dialect) for name in made.positiontup]
        self._writing = [(number, kept) for number, kept in enumerate(writing) if kept]
        columns = getattr(statement, "exported_columns", None) or getattr(statement, "selected_columns", None) or ()
        self.names = tuple(str(column.key) for column in columns)
        reading = [_as_read(column.type, dialect) for column in columns]
        self._reading = [(number, read) for number, read in enumerate(reading) if read]

    def values(self, given: dict[str, Any]) -> list[Any]:
        """Put values in order, as the database keeps them."""
        if self._constants:
            given = self._constants | given
        found = [given[name] for name in self._names]
        for number, kept in self._writing:
            found[number] = kept(found[number])
        return found

    def asked_for(self, given: dict[str, Any]) -> Any:
        """Ask for it beside others."""
        return side_by_side.ask(self.sql, self.values(given), alike=self.only_reads, tables=self._needs)

    def can_be_put_off(self) -> bool:
        """Say whether this operation, which runs beside others, has put nothing off that the statement must see."""
        return self._only_adds or not side_by_side.puts_off_in(self._looks_at)

    def put_off(self, given: dict[str, Any], *, one_row: bool) -> None:
        """Put it off beside others."""
        side_by_side.put_off(put_off.Write(self.sql, self.values(given), self._table, one_row))

    def read(self, rows: Any) -> list[list[Any]]:
        """Give the rows as the types of their columns do."""
        made = [list(row) for row in rows]
        for row in made:
            for number, read in self._reading:
                row[number] = read(row[number])
        return made


class Prepared:
    """One statement; compiled when each database first runs it.

    For an operation that runs beside others on PostgreSQL (`config.side_by_side`) it is put so that it gives one value:
    all of its rows in an array, or how many it wrote.
    """

    def __init__(self, statement: sa.Executable | Callable[[str], sa.Executable]) -> None:
        """Keep a statement, or what makes it for the name of a dialect."""
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}
        self._beside: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, **values: Any) -> list[list[Any]]:
        """Run it and give every row.

        Raises:
            DBAPIError: the database refused it, or failed.
        """
        compiled = self._for(connection)
        if side_by_side.is_beside():
            asked = self._put(connection, _gathered)
            found = asked.asked_for(values) or ()
        elif connection.dialect.name == "postgresql":
            found = rows_on_postgresql(connection, compiled.sql, compiled.values(values))
        else:
            found = _on_sqlite(connection, compiled.sql, compiled.values(values)).fetchall()
        return compiled.read(found)

    def row(self, connection: Connection, **values: Any) -> list[Any] | None:
        """Run it and give the first row, if there is one; see `rows`."""
        found = self.rows(connection, **values)
        return found[0] if found else None

    def named(self, connection: Connection, **values: Any) -> list[dict[str, Any]]:
        """Run it and give every row by the names of the columns; see `rows`."""
        names = self._for(connection).names
        return [dict(zip(names, row, strict=True)) for row in self.rows(connection, **values)]

    def scalar(self, connection: Connection, **values: Any) -> Any:
        """Run it and give the first column of the first row, None when there is no row; see `rows`."""
        found = self.row(connection, **values)
        return found[0] if found else None

    def change(self, connection: Connection, **values: Any) -> int:
        """Run it and say how many rows it wrote; see `rows` for the error."""
        if side_by_side.is_beside():
            asked = self._put(connection, _counted)
            return int(asked.asked_for(values))
        compiled = self._for(connection)
        if connection.dialect.name == "postgresql":
            return changed_on_postgresql(connection, compiled.sql, compiled.values(values))
        return int(_on_sqlite(connection, compiled.sql, compiled.values(values)).rowcount)

    def later(self, connection: Connection, **values: Any) -> None:
        """Run it, of an operation that does not need to know how many rows it wrote; beside others by its end."""
        if not self._put_off(connection, values, one_row=False):
            self.change(connection, **values)

    def surely(self, connection: Connection, **values: Any) -> bool:
        """Write one row, which is as good as certain, and say whether it was written.

        Beside others it is put off and taken for written; whoever is wrong in this runs again alone and is told so.
        """
        return self._put_off(connection, values, one_row=True) or self.change(connection, **values) == 1

    def _put_off(self, connection: Connection, values: dict[str, Any], *, one_row: bool) -> bool:
        """Put it off if this operation can; say whether it did."""
        if not side_by_side.is_beside():
            return False
        written = self._put(connection, _listed)
        can = written.can_be_put_off()
        if can:
            written.put_off(values, one_row=one_row)
        return can

    def _for(self, connection: Connection) -> _Compiled:
        name = connection.dialect.name
        known = self._compiled.get(name)
        if known is None:
            known = self._compiled[name] = _Compiled(self._made(name), connection.dialect)
        return known

    def _put(self, connection: Connection, way: Callable[[sa.Executable], sa.Executable]) -> _Compiled:
        """Compile it as it is asked for beside others."""
        known = self._beside.get(way.__name__)
        if known is None:
            known = self._beside[way.__name__] = _Compiled(way(self._made("postgresql")), connection.dialect)
        return known

    def _made(self, dialect: str) -> sa.Executable:
        return self._statement(dialect) if callable(self._statement) else self._statement


def _gathered(statement: sa.Executable) -> sa.Executable:
    """Gather the rows of a statement, in their order, in one array; none when there are none."""
    assert isinstance(statement, sa.Select | sa.UpdateBase)
    rows = statement.subquery("found") if isinstance(statement, sa.Select) else statement.cte("found")
    return sa.select(sa.func.array_agg(sa.literal_column("found"))).select_from(rows)


def _counted(statement: sa.Executable) -> sa.Executable:
    """Count the rows that a statement writes."""
    assert isinstance(statement, sa.Insert | sa.Update | sa.Delete)
    return sa.select(sa.func.count()).select_from(statement.returning(sa.literal_column("1")).cte("written"))


def _listed(statement: sa.Executable) -> sa.Executable:
    """Give a row for each row that a statement writes."""
    assert isinstance(statement, sa.Insert | sa.Update)
    return statement.returning(sa.literal_column("1"))


def _to_be_kept(kind: TypeEngine[Any], dialect: Dialect) -> Processor:
    """Say how values of a type are written; an instant without what SQLAlchemy puts around its own type."""
    if isinstance(kind, Instant) and dialect.name == "sqlite":
        return kept_instant
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _as_read(kind: TypeEngine[Any], dialect: Dialect) -> Processor:
    """Say how values of a type are read; see `_to_be_kept`."""
    if isinstance(kind, Instant) and dialect.name == "sqlite":
        return read_instant
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def inserting(table: sa.Table, *names: str) -> sa.Insert:
    """Insert one row, with the columns named, or all of them, as values of the same names."""
    return sa.insert(table).values({name: sa.bindparam(name) for name in names or table.c.keys()}).inline()


def among(column: sa.ColumnElement[Any], values: Iterable[Any]) -> sa.ColumnElement[bool]:
    """Say that a column has one of some values, of which there are always as many."""
    return column.in_([sa.literal(value, column.type) for value in values])


def _on_sqlite(connection: Connection, sql: str, values: list[Any]) -> Any:
    """Run it below SQLAlchemy where the driver is the plain one, else through it (a long read on its own thread)."""
    raw: Any = connection.connection.dbapi_connection
    if isinstance(raw, sqlite3.Connection):
        return on_sqlite(connection, sql, values)
    return connection.exec_driver_sql(sql, tuple(values))
