"""The database behind one small interface: an *operation* is a plain function of a connection.

``await database.write(operation)`` runs it in one durable transaction, ``await database.read(operation)`` in one
snapshot. An operation touches nothing but its connection and may be run again after a lost race, so it must not call
partners, send events or keep state of its own. The interface says nothing of how transactions are formed: a writer
that commits many waiting operations together fits behind it.

SQLite: WAL, ``synchronous=FULL``, ``BEGIN IMMEDIATE`` for writes, ``foreign_keys=ON``. PostgreSQL: READ COMMITTED with
row locks taken by the operations themselves. Start-up refuses weaker durability.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, MetaData, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from config.errors import ConfigurationError, DatabaseError
from config.settings import DatabaseSettings

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

BUSY_TIMEOUT_MS = 30_000
_LOST_RACE = {"40001", "40P01"}
_RAISED_BY_TRIGGER = "P0001"
_ATTEMPTS = 5


class RefusedByDatabaseError(DatabaseError):
    """A constraint or trigger refused the statement: the last line of defence spoke; the message is the database's."""

    code = "database_refused"


class Database:
    """One open database; make it with `Database.open`."""

    def __init__(self, engine: AsyncEngine, reading: AsyncEngine, upgrade_url: str) -> None:
        """Wrap the engines that `Database.open` has configured."""
        self._engine = engine
        self._reading = reading
        self._writing = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()
        self.dialect = engine.dialect.name
        self.url = upgrade_url

    @classmethod
    async def open(cls, settings: DatabaseSettings) -> Database:
        """Open the database and check its durability.

        Raises:
            ConfigurationError: the address is not of a kind that is served, or durability is weakened.
            DatabaseError: nothing answers there.
        """
        engine = make_engine(settings)
        reading = make_engine(settings, read_only=True) if engine.dialect.name == "sqlite" else engine
        database = cls(engine, reading, settings.url)
        try:
            await database._once(_check_durability, write=True)
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, operation: Operation[T]) -> T:
        """Run an operation in one transaction that is on disk when this returns.

        Raises:
            RefusedByDatabaseError: a constraint or trigger refused it; nothing was written.
            DatabaseError: locked, full, gone; nothing was written, or (connection lost during commit) it is not
                known: operations carry derived keys, so running the same one again is a no-op if it had been.
            Whatever the operation raises: the transaction is rolled back and the error passes.
            asyncio.CancelledError: the caller was cancelled; a transaction that had begun still ends by itself.
        """
        if self.dialect != "sqlite":
            return await self._to_its_end(self._write_retrying(operation))
        async with self._writing:
            return await self._to_its_end(self._once(operation, write=True))

    async def read(self, operation: Operation[T]) -> T:
        """Run a reading operation in one snapshot; see `write` for the errors.

        Raises:
            DatabaseError: also when the operation tries to write.
        """
        return await self._to_its_end(self._once(operation, write=False))

    async def close(self) -> None:
        """Let the transactions end that are under way, then close every connection."""
        while self._running:
            await asyncio.wait(set(self._running))
        await self._engine.dispose()
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

    async def _write_retrying(self, operation: Operation[T]) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._once(operation, write=True)
            except DatabaseError as error:
                if attempt == _ATTEMPTS or error.facts.get("sqlstate") not in _LOST_RACE:
                    raise
        raise AssertionError("unreachable")

    async def _once(self, operation: Operation[T], *, write: bool) -> T:
        try:
            async with (self._engine if write else self._reading).connect() as connection:
                if self.dialect == "postgresql" and not write:
                    await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                elif self.dialect == "sqlite":
                    await connection.execution_options(sqlite_begin="IMMEDIATE" if write else "DEFERRED")
                async with connection.begin():
                    return await connection.run_sync(operation)
        except (DBAPIError, OSError) as error:
            raise _converted(error) from None


def make_engine(settings: DatabaseSettings, *, read_only: bool = False) -> AsyncEngine:
    """Make the async engine of a database address, configured as this module's docstring says.

    ``read_only`` is for SQLite, whose transactions cannot be declared so one by one.
    """
    url = sa.make_url(settings.url)
    if url.drivername == "sqlite":
        if url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory":
            raise ConfigurationError("database.url: an in-memory database keeps nothing; name a file.")
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            url.set(drivername="sqlite+aiosqlite"),
            connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "connect", _configure_sqlite)
        if read_only:
            event.listen(engine.sync_engine, "connect", _forbid_writing)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    if url.drivername in {"postgresql", "postgresql+asyncpg"}:
        return create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_size=settings.pool_size,
            max_overflow=0,
            hide_parameters=True,
        )
    raise ConfigurationError(f"database.url: {url.drivername!r} is not served; use sqlite or postgresql.")


def database_now(connection: Connection) -> datetime:
    """Answer the database's own clock: leases are judged by it, so that several processes agree."""
    if connection.dialect.name == "sqlite":
        text = connection.execute(sa.text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")).scalar_one()
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    value: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    return value.astimezone(UTC)


def insert_new(connection: Connection, table: sa.Table, row: dict[str, Any], *, unique: list[str]) -> bool:
    """Insert a row unless one with the same unique columns is there; answer whether it was inserted.

    Source: ``INSERT ... ON CONFLICT DO NOTHING`` of both databases.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(**row).on_conflict_do_nothing(index_elements=unique)
    return connection.execute(statement).rowcount == 1


def _configure_sqlite(raw: Any, _record: Any) -> None:
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _forbid_writing(raw: Any, _record: Any) -> None:
    cursor = raw.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _check_durability(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        wal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        if wal != "wal" or synchronous < 2:
            raise ConfigurationError(f"SQLite runs with journal_mode={wal}, synchronous={synchronous}; FULL is needed.")
        return
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
        if value == "off":
            raise ConfigurationError(f"PostgreSQL runs with {name}=off; acknowledged points could be lost.")


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)


def _converted(error: DBAPIError | OSError) -> DatabaseError:
    """Make our error of a driver's, without the values: a message is logged, answered and part of tracebacks.

    Drivers quote values in the details of their own errors (a whole row for a failed check), so these are not chained,
    and in complaints about input; the statement, whose values are bound, is kept as a note for who reads the traceback.
    """
    if isinstance(error, OSError):
        return DatabaseError(f"The database cannot be reached: {error.strerror or error}.")
    sqlstate = _sqlstate(error)
    complains_of_input = isinstance(error, DataError) or "invalid input" in str(error.orig)
    words = "a value does not fit its column" if complains_of_input else str(error.orig)
    if isinstance(error, IntegrityError) or sqlstate == _RAISED_BY_TRIGGER:
        converted: DatabaseError = RefusedByDatabaseError(f"The database refused: {words}", sqlstate=sqlstate)
    else:
        kind = "did not take the operation" if isinstance(error, OperationalError) else "refused the operation"
        converted = DatabaseError(f"The database {kind}: {words}", sqlstate=sqlstate)
    if error.statement is not None:
        converted.add_note(f"Statement: {error.statement}")
    return converted
