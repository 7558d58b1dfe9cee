"""Direct SQL, past the gateway: as an application would with a bug, and as a corruption would."""

from __future__ import annotations

import contextlib
import sqlite3

import asyncpg

CHECKS = [
    ("accounts", "ck_accounts_not_overdrawn"),
    ("accounts", "ck_accounts_member_not_marked"),
    ("journal_entries", "uq_journal_entries_ends_key"),
    ("journal_entries", "pk_journal_entries"),
    ("settlement_lines", "ck_settlement_lines_net_and_tax_make_gross"),
]


async def corrupt(url: str, *statements: str) -> None:
    """Switch every guard of the database off and change it."""
    if url.startswith("sqlite"):
        _corrupt_sqlite(url.removeprefix("sqlite:///"), statements)
    else:
        await _corrupt_postgresql(url, statements)


def _corrupt_sqlite(path: str, statements: tuple[str, ...]) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute("PRAGMA foreign_keys=OFF")
        triggers = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("CREATE TABLE copy AS SELECT * FROM journal_entries")
        connection.execute("DROP TABLE journal_entries")
        connection.execute("ALTER TABLE copy RENAME TO journal_entries")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


async def _corrupt_postgresql(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table, constraint in CHECKS:
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint} CASCADE")
        await connection.execute("SET session_replication_role = replica")
        for statement in statements:
            assert not (await connection.execute(statement)).endswith(" 0"), statement
    finally:
        await connection.close()
