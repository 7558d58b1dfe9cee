"""Runs the migrations by Alembic, on a connection that is given; `config.migrate` loads it when one has to be run."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from config.database_errors import LOCK_NOT_HAD, LOST_RACE, sqlstate
from config.migration_steps import LOCK_MILLISECONDS

_ONE_AT_A_TIME = 5_236_117_840_221
"""Any number: the advisory lock of PostgreSQL that whoever changes the schema holds."""


def configuration(folder: Path) -> Config:
    """Tell Alembic where the migrations are."""
    made = Config()
    made.set_main_option("script_location", str(folder))
    return made


def make(connection: Connection, folder: Path) -> None:
    """Give an empty database its whole schema, in the caller's transaction; another who does it is waited for."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})")
    change(connection, folder, "head")


def change(connection: Connection, folder: Path, revision: str, *, in_use: bool = False) -> None:
    """Bring a schema to a revision: in the caller's transaction if there is one, else one for each revision.

    Args:
        connection: to the database.
        folder: of the migrations.
        revision: nothing is done when it is there already.
        in_use: large tables are indexed outside of the transaction (`config.migration_steps`).
    """
    made = configuration(folder)
    made.attributes["connection"] = connection
    made.attributes["in_use"] = in_use
    command.upgrade(made, revision)


def change_in_use(connection: Connection, folder: Path, revision: str) -> bool:
    """Make one migration on PostgreSQL, over a connection of its own that is closed afterwards.

    Returns:
        False when what it has to lock was in use, or another changes the schema: nothing is locked any more, try again.
    """
    alone = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_ONE_AT_A_TIME})").scalar_one()
    connection.exec_driver_sql(f"SET lock_timeout = {LOCK_MILLISECONDS}")
    connection.commit()
    if not alone:
        return False
    try:
        change(connection, folder, revision, in_use=True)
    except DBAPIError as error:
        if sqlstate(error) not in {LOCK_NOT_HAD, *LOST_RACE}:
            raise
        return False
    return True
