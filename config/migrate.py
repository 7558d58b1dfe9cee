"""The schema is made and changed by migrations only; forward only, the same files for both databases.

Whether anything is to be done is seen here; the library that does it is loaded only then, so that a process that finds
its schema as it should be starts sooner.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database
from config.errors import ConfigurationError

FOLDER = Path(__file__).parent / "migrations"
_RUNNING = "config.migration_run"
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))


def head_revision() -> str:
    """Answer the revision that this version of the code needs: the number with which its last file's name begins."""
    return max(path.name for path in (FOLDER / "versions").glob("[0-9]*.py")).partition("_")[0]


def _upgrade(connection: Connection) -> None:
    importlib.import_module(_RUNNING).upgrade(connection, FOLDER)


def _current(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.execute(sa.select(_VERSION.c.version_num)).scalar_one_or_none()
    return found


async def upgrade(database: Database) -> str:
    """Bring the schema to the head revision in one transaction and answer that revision."""
    await database.write(_upgrade)
    return head_revision()


async def bring_up_to_date(database: Database, *, upgrade: bool) -> None:
    """Make sure that the schema is the one this version of the code needs.

    Raises:
        ConfigurationError: it is not, and it is not to be upgraded here.
    """
    current, head = await current_revision(database), head_revision()
    if current == head:
        return
    if not upgrade:
        state = "has no schema yet" if current is None else f"is at revision {current}"
        raise ConfigurationError(
            f"The database at {database.address} {state} and {head} is needed: run `gateway db upgrade`."
        )
    await database.write(_upgrade)


async def current_revision(database: Database) -> str | None:
    """Answer the revision the database is at; None for an empty one."""
    return await database.read(_current)
