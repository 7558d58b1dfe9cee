"""A backup of a test's database, taken and put back as an operator would, on both kinds."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from tests.conftest import _administer


class Backups:
    """Copies one database aside and back again; nobody may have it open meanwhile."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._name = sa.make_url(url).database or ""
        self._kept = f"{self._name}_backup"
        self._is_file = url.startswith("sqlite")

    async def take(self) -> None:
        """Make the backup: by the online means of SQLite into a file, or as a database of the same server."""
        if self._is_file:
            with closing(sqlite3.connect(self._name)) as source, closing(sqlite3.connect(self._kept)) as target:
                source.backup(target)
            return
        await _administer(f"CREATE DATABASE {self._kept} TEMPLATE {self._name}")

    async def put_back(self) -> None:
        """Exchange the database for its backup; of the old one nothing is left beside it."""
        if self._is_file:
            self._exchange_files()
            return
        await _administer(f"DROP DATABASE {self._name} WITH (FORCE)")
        await _administer(f"CREATE DATABASE {self._name} TEMPLATE {self._kept}")

    def _exchange_files(self) -> None:
        for old in ("", "-wal", "-shm"):
            Path(self._name + old).unlink(missing_ok=True)
        shutil.copyfile(self._kept, self._name)

    async def drop(self) -> None:
        """Remove the backup."""
        if not self._is_file:
            await _administer(f"DROP DATABASE IF EXISTS {self._kept} WITH (FORCE)")
