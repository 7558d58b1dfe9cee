"""The schema is made and changed by migrations only; forward only, the same files for both databases.

Whether anything is to be done is seen here; the library that does it is loaded only then, so that a process that finds
its schema as it should be starts sooner. An empty database gets its schema in one transaction. One that may be in use
is changed one revision after the other, each in a transaction of its own, so that nobody waits for more than one; on
PostgreSQL a revision that does not get its locks at once gives up what it has and tries again.

A schema may be newer than the code: during an upgrade, and after going back. The table ``schema_compatibility`` tells
which is the oldest version of the code that may use it; a migration that takes something away raises it.
"""

from __future__ import annotations

import asyncio
import importlib
from functools import lru_cache, partial
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database, metadata
from config.database_errors import DatabaseBusyError
from config.errors import ConfigurationError

FOLDER = Path(__file__).parent / "migrations"
_RUNNING = "config.migration_run"
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))
_TRIES = 240
_PAUSE_SECONDS = 0.5
_TURN_SECONDS = 0.2
"""Long enough for who waits to write to a SQLite file: they look every tenth of a second whether it is free."""

compatibility = sa.Table(
    "schema_compatibility",
    metadata,
    sa.Column("oldest", sa.String(32), primary_key=True),
)
"""One row: the newest revision that the oldest version of the code knows which may still use this schema."""


class Schema(msgspec.Struct, frozen=True):
    """The revision of a database (None: it is empty), and the oldest one whose code may use it, if it is newer."""

    revision: str | None
    oldest: str | None = None

    @property
    def is_newer(self) -> bool:
        """Whether another version of the code has changed it since this one."""
        return self.revision is not None and self.revision > head_revision()

    @property
    def serves(self) -> bool:
        """Whether this version of the code can use it."""
        head = head_revision()
        return self.revision == head or (self.is_newer and self.oldest is not None and self.oldest <= head)


@lru_cache(maxsize=1)
def revisions() -> tuple[str, ...]:
    """List the revisions that this version of the code knows: the numbers with which the names of the files begin."""
    return tuple(sorted(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py")))


def head_revision() -> str:
    """Answer the revision that this version of the code is written for: the last one."""
    return revisions()[-1]


def look_at(connection: Connection) -> Schema:
    """Read what a database's schema is; what it is compatible with only when that is in question."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return Schema(None)
    schema = Schema(connection.execute(sa.select(_VERSION.c.version_num)).scalar_one_or_none())
    if not schema.is_newer:
        return schema
    return Schema(schema.revision, connection.execute(sa.select(compatibility.c.oldest)).scalar_one_or_none())


async def current_revision(database: Database) -> str | None:
    """Answer the revision the database is at; None for an empty one."""
    return (await database.read(look_at)).revision


async def upgrade(database: Database) -> str:
    """Bring the schema to the head revision, unless it is newer already; answer the revision it is at then.

    Raises:
        ConfigurationError: it is newer, and this version of the code cannot use it.
        DatabaseBusyError: somebody kept what has to be changed locked all the time; run it again.
    """
    schema = await database.read(look_at)
    await _bring_up(database, schema)
    return schema.revision if schema.is_newer and schema.revision is not None else head_revision()


async def bring_up_to_date(database: Database, *, upgrade: bool) -> None:
    """Make sure that the schema is one that this version of the code can use.

    Raises:
        ConfigurationError: it is not, and it is not to be upgraded here or cannot be.
        DatabaseBusyError: as `upgrade`.
    """
    schema = await database.read(look_at)
    if upgrade:
        await _bring_up(database, schema)
    else:
        _require(database, schema)


async def _bring_up(database: Database, schema: Schema) -> None:
    if schema.revision is None:
        await database.write(_make)
    elif schema.is_newer:
        _require(database, schema)
    else:
        for revision in revisions():
            if revision > schema.revision:
                await _change(database, revision)


def _require(database: Database, schema: Schema) -> None:
    if schema.serves:
        return
    head = head_revision()
    if schema.is_newer:
        raise ConfigurationError(
            f"The database at {database.address} is at revision {schema.revision}, and this version knows no further "
            f"than {head}, which cannot use it any more: start the version that upgraded it, or a later one."
        )
    state = "has no schema yet" if schema.revision is None else f"is at revision {schema.revision}"
    raise ConfigurationError(
        f"The database at {database.address} {state} and {head} is needed: run `gateway db upgrade`."
    )


def _make(connection: Connection) -> None:
    importlib.import_module(_RUNNING).make(connection, FOLDER)


def _change_here(revision: str, connection: Connection) -> None:
    importlib.import_module(_RUNNING).change(connection, FOLDER, revision)


def _change_in_use(revision: str, connection: Connection) -> bool:
    changed: bool = importlib.import_module(_RUNNING).change_in_use(connection, FOLDER, revision)
    return changed


async def _change(database: Database, revision: str) -> None:
    """Make one migration of a schema that others may be using."""
    if database.dialect == "sqlite":
        await database.write(partial(_change_here, revision))
        await asyncio.sleep(_TURN_SECONDS)
        return
    for _ in range(_TRIES):
        if await database.apart(partial(_change_in_use, revision)):
            return
        await asyncio.sleep(_PAUSE_SECONDS)
    raise DatabaseBusyError(
        f"Revision {revision} did not get its locks: another process changes the schema, or a transaction stays open."
    )
