"""The database seam, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

from config import migrate
from config.database import Database, database_now


async def test_migrations_reach_the_head(database: Database) -> None:
    assert await migrate.current_revision(database) == migrate.head_revision()


async def test_database_clock_is_aware_and_near_ours(database: Database) -> None:
    now = await database.read(database_now)
    assert abs((now - datetime.now(UTC)).total_seconds()) < 60
