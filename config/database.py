"""The database behind one small interface: an *operation* is a plain function of a connection.

``await database.write(operation)`` runs it in one durable transaction, ``await database.read(operation)`` in one
snapshot. An operation touches nothing but its connection and may be run again after a lost race, so it must not call
partners, send events or keep state of its own. The interface says nothing of how transactions are formed.

What waits to be written is committed together: on SQLite over one connection (`config.group_commit`), on
PostgreSQL by a few transactions at a time (`config.batched_writes`), READ COMMITTED with row locks taken by the
operations themselves. As many writes wait as ``database.queue_limit`` says; one more is refused untried.
`config.engines` holds how connections are configured; start-up refuses weaker durability.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy import Connection, MetaData
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from config import engines
from config.batched_writes import BatchedWrites
from config.database_errors import ASYNCPG_ERRORS, DRIVER_ERRORS, RefusedByDatabaseError, converted, of_driver
from config.disk_watch import DiskWatch
from config.errors import DatabaseError
from config.group_commit import GroupCommit
from config.hot_statements import Look
from config.prepared import Prepared
from config.settings import DatabaseSettings
from config.short_reads import ShortReads, TakesLongerError
from config.types import Instant

__all__ = [
    "Database",
    "Operation",
    "RefusedByDatabaseError",
    "database_now",
    "insert_new",
    "insert_surely_new",
    "metadata",
]

T = TypeVar("T")
Operation = Callable[[Connection], T]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""The one MetaData; every package's tables hang on it, migrations are compared with it."""


_SQLITE_NOW = "%Y-%m-%dT%H:%M:%f000Z"
"""SQLite's clock has milliseconds; written as `config.types.Instant` keeps instants."""


class Database:
    """One open database; make it with `Database.open`."""

    def __init__(
        self,
        settings: DatabaseSettings,
        reading: AsyncEngine,
        writer: GroupCommit | BatchedWrites,
        short_reads: ShortReads | None = None,
    ) -> None:
        """Wrap what `Database.open` has made."""
        self._reading = reading
        self._short_reads = short_reads
        self._writer = writer
        self._running: set[asyncio.Task[Any]] = set()
        self.dialect = reading.dialect.name
        self.url = settings.url
        self.address = engines.address(settings)
        self._disk = DiskWatch(self.address)

    @property
    def stopped(self) -> str | None:
        """Why this process writes no more until it is started again: the disk failed under it. None while it writes."""
        return self._writer.stopped if isinstance(self._writer, GroupCommit) else None

    @property
    def writes_waiting(self) -> int:
        """How many writes wait; ``database.queue_limit`` is where they are refused."""
        return self._writer.waiting

    @classmethod
    async def open(cls, settings: DatabaseSettings) -> Database:
        """Open the database and check its durability.

        Raises:
            ConfigurationError: the address is not of a kind that is served, or durability is weakened.
            DatabaseError: nothing answers there, or what does is no database; the address is named.
        """
        limits = {"queue_limit": settings.queue_limit, "batch_limit": settings.batch_limit}
        if engines.is_sqlite(settings):
            writer = GroupCommit(engines.sqlite_writer(settings), **limits)
            short = ShortReads(engines.sqlite_short_reader(settings))
            database = cls(settings, engines.sqlite_reader(settings), writer, short)
        else:
            engine = engines.postgresql(settings)
            database = cls(settings, engine, BatchedWrites(engine, **limits))
        try:
            await database._writer.write(engines.check_durability)
        except BaseException as error:
            await database.close()
            if isinstance(error, DatabaseError):
                said = f"{engines.address(settings)} cannot be used: {error.message.rstrip('.')}. Look at database.url."
                raise DatabaseError(said, **error.facts) from error
            raise
        return database

    async def write(self, operation: Operation[T], *, short: bool = False) -> T:
        """Run an operation in one transaction that is on disk when this returns.

        Args:
            operation: is run once, or again when what it shared a transaction with had to be undone.
            short: it takes a millisecond or two, whatever is in the database. On SQLite it then runs on this thread,
                which costs less than another (`config.group_commit`); elsewhere it makes no difference.

        Raises:
            RefusedByDatabaseError: a constraint or trigger refused it; nothing was written.
            DatabaseError: locked, full, gone; nothing was written, or (connection lost during commit) it is not
                known: operations carry derived keys, so running the same one again is a no-op if it had been.
            Whatever the operation raises: the transaction is rolled back and the error passes.
            asyncio.CancelledError: the caller was cancelled; a transaction that had begun still ends by itself.
        """
        try:
            if isinstance(self._writer, GroupCommit):
                return await self._writer.write(operation, short=short)
            return await self._writer.write(operation)
        except DatabaseError as error:
            self._disk.see(error, self.stopped)
            raise

    async def read(self, operation: Operation[T]) -> T:
        """Run a reading operation in one snapshot; see `write` for the errors.

        On SQLite it runs in this thread while it is short, else once more aside (`config.short_reads`).

        Raises:
            DatabaseError: also when the operation tries to write.
        """
        try:
            if self._short_reads is not None:
                await asyncio.sleep(0)
                with contextlib.suppress(TakesLongerError):
                    return self._short_reads.run(operation)
            return await self._to_its_end(self._in_snapshot(operation))
        except DatabaseError as error:
            self._disk.see(error, self.stopped)
            raise

    async def look(self, statement: Look, *values: str) -> Any:
        """Run one statement that gives one value, with as little around it as there can be; None when it gives none.

        Raises:
            DatabaseError: as `read`.
        """
        try:
            if self._short_reads is not None:
                with contextlib.suppress(TakesLongerError):
                    return self._short_reads.look(statement.sqlite, values)
                return await self._to_its_end(self._in_snapshot(partial(_looked_aside, statement.sqlite, values)))
            return await self._to_its_end(self._looked(statement.postgresql, values))
        except DatabaseError as error:
            self._disk.see(error, self.stopped)
            raise

    async def _looked(self, sql: str, values: tuple[str, ...]) -> Any:
        try:
            async with self._reading.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                assert isinstance(driver, asyncpg.Connection)
                return await driver.fetchval(sql, *values)
        except DRIVER_ERRORS as error:
            raise converted(error) from None
        except ASYNCPG_ERRORS as error:
            raise converted(of_driver(sql, error)) from None

    async def apart(self, operation: Operation[T]) -> T:
        """Run an operation that begins and ends its transactions itself, over a connection that is closed after it.

        Raises:
            DatabaseError: as `write`; transactions that it had ended stay.
        """
        try:
            async with self._reading.connect() as connection:
                try:
                    return await connection.run_sync(operation)
                finally:
                    await connection.invalidate()
        except DRIVER_ERRORS as error:
            raise converted(error) from None

    async def close(self) -> None:
        """Let the transactions end that are under way, then close every connection."""
        while self._running:
            await asyncio.wait(set(self._running))
        await self._writer.close()
        if self._short_reads is not None:
            self._short_reads.close()
        await self._reading.dispose()

    async def _to_its_end(self, transaction: Coroutine[Any, Any, T]) -> T:
        """Run a transaction that goes on when its caller is cancelled.

        A cancellation in the middle of a driver's call may leave its connection waiting for ever for an answer that
        came meanwhile; a whole transaction is short, so it is left to finish.
        """
        task = asyncio.ensure_future(transaction)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _in_snapshot(self, operation: Operation[T]) -> T:
        try:
            async with self._reading.connect() as connection:
                if self.dialect == "postgresql":
                    await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                async with connection.begin():
                    return await connection.run_sync(operation)
        except DRIVER_ERRORS as error:
            raise converted(error) from None


def _looked_aside(sql: str, values: tuple[str, ...], connection: Connection) -> Any:
    return connection.exec_driver_sql(sql, values).scalar_one_or_none()


def database_now(connection: Connection) -> datetime:
    """Answer the database's own clock: leases are judged by it, so that several processes agree."""
    if connection.dialect.name == "sqlite":
        text = connection.execute(sa.text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")).scalar_one()
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    value: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    return value.astimezone(UTC)


def clock_of(dialect: str) -> tuple[sa.ColumnElement[datetime], sa.ColumnElement[datetime]]:
    """Give, as parts of a statement, the database's own clock and the instant a ``:duration`` after it."""
    if dialect == "sqlite":
        ends = sa.bindparam("duration", type_=sa.String)
        both = (sa.func.strftime(_SQLITE_NOW, "now"), sa.func.strftime(_SQLITE_NOW, "now", ends))
        return sa.type_coerce(both[0], Instant()), sa.type_coerce(both[1], Instant())
    now = sa.func.clock_timestamp(type_=Instant())
    return now, sa.type_coerce(now + sa.bindparam("duration", type_=sa.Interval), Instant())


def lasting(connection: Connection, duration: timedelta) -> timedelta | str:
    """Write a duration as `clock_of` takes it."""
    return f"{duration.total_seconds():+.6f} seconds" if connection.dialect.name == "sqlite" else duration


def insert_new(connection: Connection, table: sa.Table, row: dict[str, Any], *, unique: list[str]) -> bool:
    """Insert a row unless one with the same unique columns is there; answer whether it was inserted.

    Source: ``INSERT ... ON CONFLICT DO NOTHING`` of both databases.
    """
    return _inserting(table, tuple(row), tuple(unique)).change(connection, **row) == 1


def insert_surely_new(connection: Connection, table: sa.Table, row: dict[str, Any], *, unique: list[str]) -> bool:
    """Do as `insert_new` with a row that is as good as certain to be new (`Prepared.surely`)."""
    return _inserting(table, tuple(row), tuple(unique)).surely(connection, **row)


@lru_cache(maxsize=256)
def _inserting(table: sa.Table, names: tuple[str, ...], unique: tuple[str, ...]) -> Prepared:
    """Make the statement for rows of these columns; what its default fills in Python has to be among them."""

    def made(dialect: str) -> sa.Executable:
        insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
        values: dict[str, Any] = {name: sa.bindparam(name) for name in names}
        return insert(table).values(values).inline().on_conflict_do_nothing(index_elements=list(unique))

    return Prepared(made)
