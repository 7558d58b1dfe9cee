"""The schema is made and changed by migrations only; forward only, the same files for both databases."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from config.database import Database
from config.errors import ConfigurationError

FOLDER = Path(__file__).parent / "migrations"


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(FOLDER))
    return configuration


def head_revision() -> str:
    """Answer the revision that this version of the code needs."""
    head = ScriptDirectory.from_config(_configuration()).get_current_head()
    assert head is not None
    return head


def _upgrade(connection: Connection) -> None:
    configuration = _configuration()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


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
