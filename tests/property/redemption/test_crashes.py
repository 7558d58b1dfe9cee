"""Whatever breaks, every redemption has exactly one effect: seeded campaigns over partners of every profile.

``GATEWAY_CRASH_SEEDS`` runs that many seeds on SQLite instead of the few of the suite.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from config.database import Database
from config.settings import DatabaseSettings
from tests.support.campaign import Campaign

MEMORY = Path("/dev/shm")
SEEDS = int(os.environ.get("GATEWAY_CRASH_SEEDS", "16"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: thousands of commits need not wait for a disk."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_every_redemption_has_exactly_one_effect(seed: int, sqlite_template: Path, folder: Path) -> None:
    path = folder / "gateway.db"
    shutil.copyfile(sqlite_template, path)
    database = await Database.open(DatabaseSettings(url=f"sqlite:///{path}"))
    try:
        await Campaign(database, seed).run()
    finally:
        await database.close()


@pytest.mark.parametrize("seed", [1_001, 1_002])
async def test_and_so_on_both_databases(seed: int, database: Database) -> None:
    await Campaign(database, seed).run()
