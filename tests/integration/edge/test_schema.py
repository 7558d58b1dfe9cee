"""The edge's tables as declared are the tables that the migration makes."""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database
from gateway import edge_tables

TABLES = (
    edge_tables.idempotency_keys,
    edge_tables.webhook_inbox,
    edge_tables.webhook_conflicts,
    edge_tables.edge_keys,
)


def _found(connection: Connection, table: sa.Table) -> dict[str, Any]:
    inspector = sa.inspect(connection)
    return {
        "columns": {one["name"]: one["nullable"] for one in inspector.get_columns(table.name)},
        "primary key": inspector.get_pk_constraint(table.name)["constrained_columns"],
        "indexes": {one["name"] for one in inspector.get_indexes(table.name) if not one["unique"]},
        "unique": {tuple(one["column_names"]) for one in inspector.get_unique_constraints(table.name)},
    }


def _declared(table: sa.Table) -> dict[str, Any]:
    unique = [one for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
    return {
        "columns": {column.name: bool(column.nullable) for column in table.columns},
        "primary key": [column.name for column in table.primary_key.columns],
        "indexes": {index.name for index in table.indexes},
        "unique": {tuple(column.name for column in one.columns) for one in unique},
    }


async def test_declared_and_migrated_tables_agree(database: Database) -> None:
    for table in TABLES:
        assert await database.read(partial(_found, table=table)) == _declared(table)
