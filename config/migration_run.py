"""Runs the migrations by Alembic, on a connection that is given; `config.migrate` loads it when one has to be run."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def configuration(folder: Path) -> Config:
    """Tell Alembic where the migrations are."""
    made = Config()
    made.set_main_option("script_location", str(folder))
    return made


def upgrade(connection: Connection, folder: Path) -> None:
    """Bring a schema to the last migration, in the caller's transaction."""
    made = configuration(folder)
    made.attributes["connection"] = connection
    command.upgrade(made, "head")
