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
    "config.migrate",
    "gateway.edge_tables",
    "gateway.links.tables",
    "gateway.operations.tables",
    "gateway.redemption.tables",
    "gateway.usage.tables",
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


def test_every_key_that_waits_for_another_row_has_an_index() -> None:
    """While such a key waits, SQLite looks through its whole table with every row that comes, but by an index."""
    for module in TABLES:
        importlib.import_module(module)
    without = [
        f"{table.name}.{'.'.join(names)}"
        for table in metadata.tables.values()
        for key in table.foreign_key_constraints
        if (names := list(key.column_keys)) and key.deferrable
        if not any([*columns][: len(names)] == names for columns in _indexed(table))
    ]
    assert without == []
    assert any(key.deferrable for table in metadata.tables.values() for key in table.foreign_key_constraints)


def _indexed(table: sa.Table) -> list[list[str]]:
    unique = [one for one in table.constraints if isinstance(one, sa.UniqueConstraint | sa.PrimaryKeyConstraint)]
    return [[column.name for column in one.columns] for one in (*table.indexes, *unique)]
