"""The tables that the code queries are the tables that the migrations make, on both databases."""

from __future__ import annotations

import importlib
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from config.database import Database, metadata

TABLES = (
    "catalogue.programme_tables",
    "catalogue.tables",
    "gateway.edge_tables",
    "gateway.operations.tables",
    "gateway.redemption.tables",
    "settlement.night_tables",
    "settlement.tables",
)


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_and_tables_agree(database: Database) -> None:
    for module in TABLES:
        importlib.import_module(module)
    assert await database.read(differences) == []


async def test_a_difference_would_be_seen(database: Database) -> None:
    await database.write(lambda connection: connection.execute(sa.text("ALTER TABLE outbox ADD COLUMN extra INTEGER")))
    assert any("extra" in str(difference) for difference in await database.read(differences))
