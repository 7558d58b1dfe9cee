"""CR-14: yesterday's backup is put back. What was lost is found against the partner, and nothing is granted anew."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from config.database import Database
from config.settings import load_settings
from settlement.audit import audit
from settlement.break_store import list_breaks
from tests.campaign.books import read_partners
from tests.campaign.club import Club
from tests.campaign.driver import Line, Members
from tests.campaign.gateways import Gateways
from tests.campaign.partners import partner_id
from tests.campaign.run import business_days

PARTNER = partner_id("A")
KEPT, LOST = 2, 3


async def redeem(members: Members, member: str, key: str) -> dict[str, Any]:
    """Redeem one benefit; answer what an app keeps: the quote and what it was told."""
    quote = await members.quote(member, "A")
    assert quote is not None
    status, told = await members.line.ask("POST", "/v1/redemptions", members.tokens[member], quote, key)
    assert status == 201, told
    return {"quote": quote, "key": key, "id": told["id"]}


async def test_cr_14_an_older_backup_shows_what_it_misses_and_grants_nothing_anew(tmp_path: Path) -> None:
    database, backup = tmp_path / "club.db", tmp_path / "backup.db"
    async with (
        Club(tmp_path / "club", f"sqlite:///{database}", seed=14, willing=True) as club,
        aiohttp.ClientSession() as http,
        Gateways(club) as gateways,
    ):
        life = await gateways.start(0)
        members = Members(club, Line(club, http, Random(14)), Random(14))
        await members.open(1)
        (member,) = members.opened_with
        kept = [await redeem(members, member, f"kept-{number}") for number in range(KEPT)]
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        lost = [await redeem(members, member, f"lost-{number}") for number in range(LOST)]
        life.send(signal.SIGKILL)
        await life.ended
        put_back(backup, database)
        life = await gateways.start(0)
        granted = (await read_partners(club))[PARTNER].granted
        assert len(granted) == KEPT + LOST
        token = members.tokens[member]
        for one in (*kept, *lost):
            status, told = await members.line.ask("POST", "/v1/redemptions", token, one["quote"], one["key"])
            if one in kept:
                assert (status, told["id"]) == (201, one["id"])
            else:
                assert (status, told["code"]) == (404, "not_found")
        assert (await read_partners(club))[PARTNER].granted == granted
        day = business_days()[-1]
        code, output = await club.run("settlement", "run", "--date", day.isoformat(), "--partner", PARTNER, "--json")
        assert code == 0
        assert json.loads(output)[0]["run"]["summary"]["outcomes"] == {"matched": KEPT, "missing_ours": LOST}
    await require_found(club, {one["id"] for one in lost})


def put_back(backup: Path, database: Path) -> None:
    """Exchange the database for its backup."""
    for old in database.parent.glob(f"{database.name}*"):
        old.unlink()
    shutil.copyfile(backup, database)


async def require_found(club: Club, lost: set[str]) -> None:
    """Every redemption of the lost window is an open break under its own key; the ledger itself is sound."""
    opened = await Database.open(load_settings(club.settings_file(), {}).database)
    try:
        breaks = await opened.read(lambda connection: list_breaks(connection, state="open"))
        assert {one.item.reference for one in breaks} == lost
        assert (await opened.read(audit)).findings == ()
    finally:
        await opened.close()
