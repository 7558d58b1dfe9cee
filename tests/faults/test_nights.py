"""CR-07: the night is killed in each of its phases and run again: the same files and the same postings."""

from __future__ import annotations

import hashlib
import re
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from config.crash_points import NIGHT_POINTS
from tests.campaign.books import undecided
from tests.campaign.club import Club
from tests.campaign.driver import Line, Members, Wish
from tests.campaign.gateways import CRASH_POINT, Gateways
from tests.campaign.partners import partner_id
from tests.campaign.run import business_days
from tests.campaign.scenes import weather
from tests.campaign.storm import Weather

LOST = Weather(share=1.0, modes=("commit_then_reset",))
PROFILE = "G"
LINE_ID = re.compile(r"sln_[0-9a-z]{26}")


@dataclass
class Night:
    """A database as the day left it: some redemptions captured, some undecided that the partner granted."""

    gateways: Gateways
    database: Path
    evening: Path
    day: date

    @property
    def exports(self) -> Path:
        """Where finance's files are."""
        return self.gateways.club.folder / "exports"

    async def run(self, **environment: str) -> int:
        """Run the night of the day; answer how it ended."""
        words = ("settlement", "run", "--date", self.day.isoformat(), "--partner", partner_id(PROFILE))
        return await self.gateways.command(*words, **environment)

    def begin_anew(self) -> None:
        """Bring the evening back."""
        shutil.rmtree(self.exports, ignore_errors=True)
        shutil.rmtree(self.gateways.club.folder / "settlement", ignore_errors=True)
        for old in self.database.parent.glob(f"{self.database.name}-*"):
            old.unlink()
        shutil.copyfile(self.evening, self.database)

    def wait_for_the_lease(self) -> None:
        """Let the lease of the killed process end."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("UPDATE leases SET expires_at = '2026-01-01 00:00:00.000000'")

    def result(self) -> dict[str, Any]:
        """Read the exported rows, what the ledger has, and how the redemptions ended.

        A line that is booked in the night gets an identifier of its own there, which no two nights share.
        """
        found: dict[str, Any] = {"other files": []}
        for path in sorted(self.exports.glob("*/*/v*/*")):
            if path.suffix == ".csv":
                rows = [LINE_ID.sub("sln", row) for row in path.read_text("utf-8-sig").splitlines()]
                found[str(path.relative_to(self.exports))] = sorted(rows)
            else:
                found["other files"].append(path.name)
        with closing(sqlite3.connect(self.database)) as connection:
            query = "SELECT entry_key, number, account, commodity, amount FROM postings ORDER BY entry_key, number"
            found["postings"] = connection.execute(query).fetchall()
            found["states"] = dict(connection.execute("SELECT id, state FROM redemptions").fetchall())
        return found

    async def run_again_changes_nothing(self) -> bool:
        """Run the night once more and compare every file, byte by byte."""
        before = self._digests()
        assert await self.run() == 0
        return before == self._digests()

    def _digests(self) -> dict[str, str]:
        shown = [path for path in sorted(self.exports.glob("*/*/v*/*")) if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in shown}


@asynccontextmanager
async def evening(folder: Path) -> AsyncIterator[Night]:
    """Redeem three benefits, and three whose answers are lost, at a partner that nobody can ask."""
    database = folder / "club.db"
    async with (
        Club(folder / "club", f"sqlite:///{database}", seed=12) as club,
        aiohttp.ClientSession() as http,
        Gateways(club) as gateways,
    ):
        life = await gateways.start(0)
        day = business_days()[-1]
        members = Members(club, Line(club, http, Random(12)), Random(12))
        await members.open(1)
        (member,) = members.opened_with
        quotes = [await members.quote(member, PROFILE) for _ in range(6)]
        for number, quote in enumerate(quotes):
            if number == 3:
                await weather(club, http, LOST, PROFILE)
            wish = Wish(member, PROFILE, f"wish-{number}")
            await members.line.ask("POST", "/v1/redemptions", members.tokens[member], quote, wish.key)
        await weather(club, http, Weather(share=0.0), PROFILE)
        assert sum(await undecided(club)) == 3
        life.send(signal.SIGTERM)
        await life.ended
        kept = folder / "evening.db"
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(kept)) as target:
            source.backup(target)
        yield Night(gateways, database, kept, day)


async def test_cr_07_a_night_that_is_killed_in_any_phase_ends_the_same(tmp_path: Path) -> None:
    async with evening(tmp_path) as night:
        assert await night.run() == 0
        undisturbed = night.result()
        assert set(undisturbed["states"].values()) == {"captured"}
        assert undisturbed["other files"] == ["control.json", "detail.xlsx"]
        for point in NIGHT_POINTS:
            night.begin_anew()
            assert await night.run(**{CRASH_POINT: point}) == -signal.SIGKILL, point
            night.wait_for_the_lease()
            assert await night.run() == 0, point
            assert night.result() == undisturbed, point
        assert await night.run_again_changes_nothing()
