"""OP-08: a later version, which knows one state more, serves beside this one; it is killed, and this one goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import asyncpg
import pytest

from config import migrate
from tests.campaign.books import read_books, undecided, verdict
from tests.campaign.club import Club, patiently
from tests.campaign.driver import Line, Members, Wish
from tests.campaign.gateways import Gateways, answers
from tests.faults.later_version import REVISION, VERIFYING
from tests.faults.test_zombies import end, until

PROFILES = "ACD"
FAULTS = {"reserve": "commit_then_reset", "look_up": "error_500_before", "fence": "error_500_before"}
"""The partner does what it is asked, and tells nobody."""

UPGRADE = f"""
    ALTER TABLE redemptions DROP CONSTRAINT ck_redemptions_state;
    ALTER TABLE redemptions ADD CONSTRAINT ck_redemptions_state CHECK (state IN ('held', 'submitting', 'accepted',
        'unknown', '{VERIFYING}', 'cancelling', 'manual', 'captured', 'voided')) NOT VALID;
    UPDATE alembic_version SET version_num = '{REVISION}';
"""
"""What the later version's migration would do, while this version serves."""


async def spoil(club: Club, http: aiohttp.ClientSession) -> None:
    """Let every answer be lost from now on."""
    for profile in PROFILES:
        for operation, mode in FAULTS.items():
            body = {"operation": operation, "mode": mode, "times": 1_000_000}
            await patiently(http, "POST", f"{club.partners[profile]}/_simulator/faults", json=body)


async def mend(club: Club, http: aiohttp.ClientSession) -> None:
    """Let partners answer again."""
    for profile in PROFILES:
        await patiently(http, "POST", f"{club.partners[profile]}/_simulator/faults/clear")


async def redeem(members: Members, prefix: str) -> set[str]:
    """Redeem at each partner; answer the ids of what became of it, which is not known."""
    (member,) = members.tokens
    ids = set()
    for profile in PROFILES:
        wish = Wish(member, profile, f"{prefix}-{profile}")
        members.wishes.append(wish)
        quote = await members.quote(member, profile)
        answer = await members.line.ask("POST", "/v1/redemptions", members.tokens[member], quote, wish.key)
        members.note(wish, answer)
        assert answer[0] == 202, answer
        ids.add(answer[1]["id"])
    return ids


async def rows(url: str) -> dict[str, tuple[str, int]]:
    """Read state and version of every redemption."""
    connection = await asyncpg.connect(url)
    found = await connection.fetch("SELECT id, state, version FROM redemptions")
    await connection.close()
    return {row["id"]: (row["state"], row["version"]) for row in found}


async def shown(members: Members, path: str = "") -> Any:
    """Ask as a member."""
    (token,) = members.tokens.values()
    status, told = await members.line.ask("GET", f"/v1/redemptions{path}", token)
    assert status == 200, told
    return told


async def require_shown_as_unknown(members: Members, ids: set[str]) -> None:
    """This version shows them: it is not known what became of them."""
    listed = {one["id"]: one["state"] for one in (await shown(members))["items"]}
    assert {listed[one] for one in ids} == {"unknown"}
    assert {(await shown(members, f"/{one}"))["state"] for one in ids} == {"unknown"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_op_08_two_versions_serve_one_database_and_one_goes_back(tmp_path: Path, database_url: str) -> None:
    async with (
        Club(tmp_path / "club", database_url, seed=8, gateways=2, willing=True) as club,
        aiohttp.ClientSession() as http,
        Gateways(club) as these,
        Gateways(club, "tests.faults.later_version") as later,
    ):
        this = await these.start(0)
        members = Members(one := replace(club, gateways=1), Line(one, http, Random(8)), Random(8))
        await members.open(1)
        await spoil(club, http)
        ours = await redeem(members, "ours")
        await upgrade(database_url)
        assert await answers(club.ports[0])
        other = await later.start(1)
        there = replace(club, gateways=1, ports=club.ports[1:])
        guests = Members(there, Line(there, http, Random(9)), Random(9))
        guests.tokens = members.tokens
        theirs = await redeem(guests, "theirs")

        async def verifying() -> bool:
            found = await rows(database_url)
            return {found[one][0] for one in theirs} == {VERIFYING}

        await until(verifying)
        await require_shown_as_unknown(members, theirs)
        await end(other)
        before = await rows(database_url)
        await end(this)
        await these.start(0)
        await mend(club, http)

        async def ours_have_ended() -> bool:
            found = await rows(database_url)
            return {found[one][0] for one in ours} <= {"captured", "voided"}

        await until(ours_have_ended)
        found = await rows(database_url)
        assert {one: found[one] for one in theirs} == {one: before[one] for one in theirs}
        await later.start(1)

        async def all_have_ended() -> bool:
            return await undecided(club) == (0, 0)

        await until(all_have_ended)
        members.wishes += guests.wishes
        books = await read_books(club, members)
        assert (list(verdict(books, members)), len(books.rows)) == ([], 2 * len(PROFILES))


async def upgrade(url: str) -> None:
    """Change the schema; this version may still use it."""
    connection = await asyncpg.connect(url)
    await connection.execute(UPGRADE)
    await connection.execute("UPDATE schema_compatibility SET oldest = $1", migrate.head_revision())
    await connection.close()
