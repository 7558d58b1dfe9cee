"""CR-14: yesterday's backup is put back. What was lost is found against the partner, and nothing is granted anew.

It goes the way that docs/operations.md tells an operator, by the same commands.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
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
PATIENCE = 30.0


async def redeem(members: Members, member: str, key: str, quote: dict[str, str] | None = None) -> dict[str, Any]:
    """Redeem one benefit; answer what an app keeps: the quote and what it was told."""
    quote = quote or await members.quote(member, "A")
    assert quote is not None
    status, told = await members.line.ask("POST", "/v1/redemptions", members.tokens[member], quote, key)
    assert status == 201, told
    return {"quote": quote, "key": key, "id": told["id"]}


async def points(members: Members, member: str) -> int:
    """Answer what a member has to spend."""
    _, told = await members.line.ask("GET", "/v1/me", members.tokens[member])
    return int(told["wallet"]["available"])


async def earn(members: Members, member: str, order: str, key: str) -> tuple[int, dict[str, Any]]:
    """Send an activity as its source does: under the order's own reference."""
    earning = {
        "activity": "parts",
        "amount": {"amount": 100_000, "currency": "CNY"},
        "occurred_at": datetime.now(UTC).replace(microsecond=0, second=0, minute=0).isoformat().replace("+00:00", "Z"),
        "reference": order,
    }
    crm = await members.token_of("crm")
    return await members.line.ask("POST", f"/v1/members/{member}/accruals", crm, earning, key=key)


async def cancelled(members: Members, member: str, one: dict[str, Any]) -> None:
    """Cancel a redemption and wait until the partner has taken it back."""
    path = f"/v1/redemptions/{one['id']}/cancel"
    status, told = await members.line.ask("POST", path, members.tokens[member], {}, key=f"cancel-{one['key']}")
    assert status in (200, 202), told
    async with asyncio.timeout(PATIENCE):
        while one["id"] in (await read_partners(members.club))[PARTNER].standing:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def live_on(
    members: Members, member: str, kept: list[dict[str, Any]], unused: dict[str, str] | None
) -> tuple[list[dict[str, Any]], int]:
    """Redeem, cancel and earn after the backup; answer what was redeemed and the points that were earned.

    The first is redeemed by a quote that the backup has.
    """
    lost = [await redeem(members, member, f"lost-{number}", None if number else unused) for number in range(LOST)]
    await cancelled(members, member, kept[0])
    status, earned = await earn(members, member, "order-lost", "earned")
    assert (status, earned["points"] > 0) == (201, True)
    return lost, earned["points"]


async def require_asking_grants_nothing(members: Members, member: str, kept: Any, lost: Any) -> None:
    """Ask for everything again as an app does: what is known is told again, the rest is not there."""
    granted = (await read_partners(members.club))[PARTNER].granted
    assert len(granted) == KEPT + LOST
    for one in (*kept, *lost):
        token = members.tokens[member]
        status, told = await members.line.ask("POST", "/v1/redemptions", token, one["quote"], one["key"])
        if one in kept:
            assert (status, told["id"]) == (201, one["id"])
        else:
            assert (status, told["code"]) == ((422, "quote_expired") if one is lost[0] else (404, "not_found"))
    assert (await read_partners(members.club))[PARTNER].granted == granted


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
        unused = await members.quote(member, "A")
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        lost_since = datetime.now(UTC).isoformat()
        before = await points(members, member)
        lost, earned = await live_on(members, member, kept, unused)
        life.send(signal.SIGKILL)
        await life.ended
        assert (await club.run("audit", "--database", str(backup)))[0] == 0
        put_back(backup, database)
        await require_made_safe(club, lost_since)
        life = await gateways.start(0)
        assert await points(members, member) == before
        await require_asking_grants_nothing(members, member, kept, lost)
        for again in ("earned", "sent-again"):
            assert (await earn(members, member, "order-lost", again))[1]["points"] == earned
        assert await points(members, member) == before + earned, "the source's reference is known from the first on"
        assert await run_nights(club) == {"matched": KEPT - 1, "missing_ours": LOST, "missing_theirs": 1}
        await cancelled(members, member, kept[0])
        await require_given_back(members, member, kept[0], before + earned)
        assert (await run_nights(club))["missing_ours"] == LOST
        assert (await club.run("audit"))[0] == 0
        await require_listed(club, {one["id"] for one in lost})
    await require_found(club, {one["id"] for one in lost})


async def require_made_safe(club: Club, lost_since: str) -> None:
    """Nothing was held in the backup; a quote lay unused there, and ends."""
    code, output = await club.run("restored", "--lost-since", lost_since, "--json")
    done = json.loads(output)
    assert (code, done["redemptions"], done["reversals"], done["quotes_ended"]) == (0, [], [], 1)


async def require_given_back(members: Members, member: str, one: dict[str, Any], had: int) -> None:
    """A cancellation that was lost and is asked for again: the partner answers as before, and the points return."""
    token, path = members.tokens[member], f"/v1/redemptions/{one['id']}"
    async with asyncio.timeout(PATIENCE):
        while await points(members, member) == had:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    _, told = await members.line.ask("GET", path, token)
    assert (told["state"], told["cancellation"]["state"]) == ("captured", "applied")
    assert await points(members, member) == had + told["cancellation"]["points_back"]


async def require_listed(club: Club, lost: set[str]) -> None:
    """The command shows an operator every redemption of the lost window; nothing but a later file closes one."""
    code, output = await club.run("settlement", "breaks", "--partner", PARTNER, "--json")
    assert code == 0
    items = [one["item"] for one in json.loads(output)]
    assert {item["reference"] for item in items if item["kind"] == "missing_ours"} == lost


async def run_nights(club: Club) -> dict[str, int]:
    """Run the night of every business day that was touched; answer what the last one found."""
    for day in business_days():
        code, output = await club.run("settlement", "run", "--date", day.isoformat(), "--partner", PARTNER, "--json")
        assert code == 0, output
    found: dict[str, int] = json.loads(output)[0]["run"]["summary"]["outcomes"]
    return found


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
        assert {one.item.reference for one in breaks if one.item.kind == "missing_ours"} == lost
        assert (await opened.read(audit)).findings == ()
    finally:
        await opened.close()
