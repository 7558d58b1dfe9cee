"""The engines of a database address, configured for durability, and the check that they are.

SQLite: WAL, ``synchronous=FULL``, ``foreign_keys=ON``; two reading engines that cannot write (`config.short_reads` says
why two), and one for the single writer. PostgreSQL: a pool of connections.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

from config.errors import ConfigurationError
from config.settings import DatabaseSettings

BUSY_TIMEOUT_MS = 30_000
LOG_PAGES = 8_000
"""Pages of 4 KiB in SQLite's log at which a commit brings them into the file: 33 MB. Mostly it is done before, when
nothing waits (`config.group_commit`)."""


def is_sqlite(settings: DatabaseSettings) -> bool:
    """Say which kind of database an address names.

    Raises:
        ConfigurationError: it is of no kind that is served, or keeps nothing.
    """
    url = _url(settings)
    if url.drivername == "sqlite":
        if url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory":
            raise ConfigurationError("database.url: an in-memory database keeps nothing; name a file.")
        return True
    if url.drivername in {"postgresql", "postgresql+asyncpg"}:
        return False
    raise ConfigurationError(f"database.url: {url.drivername!r} is not served; use sqlite or postgresql.")


def address(settings: DatabaseSettings) -> str:
    """Write the address for a message: without the password."""
    return _url(settings).render_as_string(hide_password=True)


def _url(settings: DatabaseSettings) -> sa.URL:
    try:
        return sa.make_url(settings.url)
    except (ArgumentError, ValueError):  # its own words quote the address, password and all
        raise ConfigurationError(
            "database.url is no address of a database; write sqlite:///path or postgresql://user@host/name."
        ) from None


def sqlite_writer(settings: DatabaseSettings) -> Engine:
    """Make the engine of the one connection that writes to a SQLite file, from one thread at a time.

    Who writes over it begins below SQLAlchemy; what an operation does through SQLAlchemy joins that transaction.
    """
    url = sa.make_url(settings.url)
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        hide_parameters=True,
        poolclass=StaticPool,
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "connect", _undo_from_memory)
    event.listen(engine, "connect", _leave_the_log)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def sqlite_short_reader(settings: DatabaseSettings) -> Engine:
    """Make the engine of the connection that an event loop reads a SQLite file over; it cannot write nor wait."""
    engine = sa.create_engine(
        sa.make_url(settings.url),
        connect_args={"timeout": 0, "check_same_thread": False},
        hide_parameters=True,
        poolclass=NullPool,
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "connect", _forbid_writing)
    event.listen(engine, "connect", _never_wait)
    event.listen(engine, "begin", _begin_below)
    return engine


def sqlite_reader(settings: DatabaseSettings) -> AsyncEngine:
    """Make the engine of the connections that read a SQLite file aside of the event loop; they cannot write."""
    engine = create_async_engine(
        sa.make_url(settings.url).set(drivername="sqlite+aiosqlite"),
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _configure_sqlite)
    event.listen(engine.sync_engine, "connect", _forbid_writing)
    event.listen(engine.sync_engine, "begin", _begin_deferred)
    return engine


def postgresql(settings: DatabaseSettings) -> AsyncEngine:
    """Make the engine of a PostgreSQL database.

    The connection used last is used next: it knows the statements and has their plans.
    """
    return create_async_engine(
        sa.make_url(settings.url).set(drivername="postgresql+asyncpg"),
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.patience_seconds,
        connect_args={"server_settings": {"lock_timeout": f"{settings.patience_seconds * 1000:.0f}"}},
        pool_use_lifo=True,
        hide_parameters=True,
    )


def check_durability(connection: Connection) -> None:
    """Refuse a database that forgets what it acknowledged.

    Raises:
        ConfigurationError: names the setting.
    """
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


def _undo_from_memory(raw: Any, _record: Any) -> None:
    """Keep what a savepoint may have to undo in memory: beyond 64 KiB SQLite writes it to a file, page by page.

    Source: "Temporary Files Used By SQLite", statement journals, read 2026-11-28.
    """
    raw.execute("PRAGMA temp_store=MEMORY").close()


def _leave_the_log(raw: Any, _record: Any) -> None:
    raw.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}").close()


def _never_wait(raw: Any, _record: Any) -> None:
    raw.execute("PRAGMA busy_timeout=0").close()


def _begin_below(connection: Connection) -> None:
    raw: Any = connection.connection.dbapi_connection
    raw.execute("BEGIN DEFERRED")


def _begin_immediate(connection: Connection) -> None:
    raw: Any = connection.connection.dbapi_connection
    if not raw.in_transaction:
        raw.execute("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN DEFERRED")
