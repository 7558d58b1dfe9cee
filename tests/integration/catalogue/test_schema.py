"""The migrated schema and the declared tables are the same, so a query never asks for a column that is not there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from catalogue import programme_tables, tables
from config.database import Database, metadata

OURS = {
    table.name
    for table in (
        tables.members,
        tables.member_personal,
        tables.statuses,
        tables.consents,
        tables.partner_accounts,
        tables.vouchers,
        tables.voucher_events,
        tables.member_vehicles,
        tables.benefit_uses,
        tables.benefit_stock,
        programme_tables.tier_reviews,
        programme_tables.care_notices,
        programme_tables.bulk_files,
        programme_tables.programme_jobs,
    )
}


def differences(connection: sa.Connection) -> list[Any]:
    def ours(item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
        table = name if kind == "table" else getattr(getattr(item, "table", None), "name", None)
        return table in OURS

    return list(compare_metadata(MigrationContext.configure(connection, opts={"include_object": ours}), metadata))


def plain(table: str, name: object) -> str:
    """Leave out the prefix of the naming convention: older migrations have it twice, newer ones once."""
    return str(name).replace(f"ck_{table}_", "")


async def test_declared_tables_are_the_migrated_ones(database: Database) -> None:
    assert await database.read(differences) == []


async def test_declared_checks_are_the_migrated_ones(database: Database) -> None:
    def checks(connection: sa.Connection) -> dict[str, set[str]]:
        inspector = sa.inspect(connection)
        return {name: {plain(name, check["name"]) for check in inspector.get_check_constraints(name)} for name in OURS}

    declared = {
        name: {
            plain(name, constraint.name)
            for constraint in metadata.tables[name].constraints
            if isinstance(constraint, sa.CheckConstraint)
        }
        for name in OURS
    }
    assert await database.read(checks) == declared
