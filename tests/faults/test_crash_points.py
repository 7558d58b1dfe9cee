"""A real gateway dies by SIGKILL between two steps of a redemption and is started again: one benefit, one payment.

The member's app keeps asking with its own key, as an app does; the partner is a simulator over real HTTP.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from config.crash_points import NIGHT_POINTS, POINTS, CrashPoints
from config.database import Database
from config.errors import ConfigurationError
from config.settings import load_settings
from gateway.redemption.states import State
from gateway.redemption.tables import attempts, redemptions
from tests.campaign.books import read_books, read_partners, undecided, verdict
from tests.campaign.club import Club
from tests.campaign.driver import Line, Members, Wish
from tests.campaign.gateways import CRASH_POINT, Gateways, Life
from tests.campaign.partners import partner_id
from tests.campaign.scenes import weather
from tests.campaign.storm import Weather

PATIENCE = 30.0
DEATHS = {
    "cr_01": "key_claimed",
    "cr_01_held": "taken_in",
    "cr_03": "attempt_written",
    "cr_05": "answer_read",
    "cr_06": "answer_recorded",
}
"""Where the process dies, by the fault's id; one redemption reaches ``taken_in`` before anything is committed."""


@dataclass
class House:
    """A gateway and its partners as processes, and a member with points."""

    gateways: Gateways
    members: Members
    member: str
    life: Life

    async def start(self, **environment: str) -> None:
        """Start the gateway again, perhaps armed."""
        self.life.send(signal.SIGKILL)
        await self.life.ended
        self.life = await self.gateways.start(0, **environment)

    async def died_and_back(self) -> None:
        """See the gateway dead by its own kill, and start it again."""
        assert await asyncio.wait_for(self.life.ended, PATIENCE) == -signal.SIGKILL
        self.life = await self.gateways.start(0)

    async def ask(self, wish: Wish) -> Any:
        """Redeem as an app does: price, then ask under one key until there is an answer."""
        self.members.wishes.append(wish)
        quote = await self.members.quote(self.member, wish.profile)
        return await self.again(wish, quote)

    async def again(self, wish: Wish, quote: object) -> Any:
        """Ask again under the same key."""
        token = self.members.tokens[self.member]
        answer = await self.members.line.ask("POST", "/v1/redemptions", token, quote, wish.key)
        self.members.note(wish, answer)
        return answer

    async def require_one_effect(self, *wishes: Wish) -> None:
        """Wait until nothing is under way; then every book says the same, and each wish was granted once."""
        async with asyncio.timeout(PATIENCE):
            while (await undecided(self.gateways.club)) != (0, 0):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        books = await read_books(self.gateways.club, self.members)
        assert list(verdict(books, self.members)) == []
        for wish in wishes:
            (told,) = wish.redemption_ids
            assert books.rows[told].state is State.CAPTURED
            assert books.partners[partner_id("A")].granted[books.rows[told].key] == 1
        assert len(books.rows) == len(self.members.wishes)


@asynccontextmanager
async def house(folder: Path, database_url: str) -> AsyncIterator[House]:
    """Open everything; the partner never says no by itself here."""
    async with (
        Club(folder / "club", database_url, seed=7, willing=True) as club,
        aiohttp.ClientSession() as http,
        Gateways(club) as gateways,
    ):
        life = await gateways.start(0)
        members = Members(club, Line(club, http, Random(7)), Random(7))
        await members.open(1)
        yield House(gateways, members, min(members.opened_with), life)


@pytest.mark.parametrize("deaths", [DEATHS], ids=["cr_01_to_cr_06"])
async def test_a_redemption_survives_its_process(tmp_path: Path, database_url: str, deaths: dict[str, str]) -> None:
    async with house(tmp_path, database_url) as here:
        for fault, point in deaths.items():
            wish = Wish(here.member, "A", fault)
            here.members.wishes.append(wish)
            quote = await here.members.quote(here.member, "A")
            await here.start(**{CRASH_POINT: point})
            asking = asyncio.create_task(here.again(wish, quote))
            await here.died_and_back()
            await asking
            await here.require_one_effect(wish)
            status, told = await here.again(wish, quote)
            assert (status, told["id"], told["state"]) == (201, *wish.redemption_ids, "captured")


async def test_cr_02_killed_between_a_trip_s_holds_and_its_first_attempt(tmp_path: Path, database_url: str) -> None:
    """Nobody asks again before it is done: the sweeper makes the first attempts."""
    async with house(tmp_path, database_url) as here:
        wishes = [Wish(here.member, "A", "cr_02") for _ in range(2)]
        here.members.wishes.extend(wishes)
        quotes = [await here.members.quote(here.member, wish.profile) for wish in wishes]
        trip = {"quote_ids": [quote["quote_id"] for quote in quotes if quote], "policy": "all_or_nothing"}
        ask = ("POST", "/v1/itineraries", here.members.tokens[here.member], trip, "cr_02")
        await here.start(**{CRASH_POINT: "taken_in"})
        assert await here.members.line.once(*ask) is None
        assert await asyncio.wait_for(here.life.ended, PATIENCE) == -signal.SIGKILL
        held, begun = await written(here)
        assert ([state for _, state in held], begun) == ([State.HELD] * len(wishes), 0)
        assert not (await read_partners(here.gateways.club))[partner_id("A")].granted
        for wish, (redemption_id, _) in zip(wishes, held, strict=True):
            wish.redemption_ids.add(redemption_id)
        here.life = await here.gateways.start(0)
        await here.require_one_effect(*wishes)
        _, begun = await written(here)
        assert begun == len(wishes)
        status, told = await here.members.line.ask(*ask)
        assert (status, told["state"]) == (201, "confirmed")
        assert {leg["id"] for leg in told["legs"]} == {redemption_id for redemption_id, _ in held}


async def written(here: House) -> tuple[list[tuple[str, str]], int]:
    """Read every redemption with its state, and the number of attempts, past the gateway."""
    rows = sa.select(redemptions.c.id, redemptions.c.state).order_by(redemptions.c.id)
    count = sa.select(sa.func.count()).select_from(attempts)
    database = await Database.open(load_settings(here.gateways.club.settings_file(), {}).database)
    try:
        return await database.read(
            lambda connection: (
                [(row.id, row.state) for row in connection.execute(rows)],
                int(connection.execute(count).scalar_one()),
            )
        )
    finally:
        await database.close()


async def test_cr_04_killed_while_the_partner_works(tmp_path: Path, database_url: str) -> None:
    async with house(tmp_path, database_url) as here:
        club, http = here.gateways.club, here.members.line.http
        wish = Wish(here.member, "A", "cr_04")
        here.members.wishes.append(wish)
        quote = await here.members.quote(here.member, "A")
        await weather(club, http, Weather(share=1.0, modes=("commit_then_hang",)), "A")
        asking = asyncio.create_task(here.again(wish, quote))
        async with asyncio.timeout(PATIENCE):
            while not (await read_partners(club))[partner_id("A")].granted:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        here.life.send(signal.SIGKILL)
        await weather(club, http, Weather(share=0.0), "A")
        await here.start()
        await asking
        await here.require_one_effect(wish)


async def test_a_callback_that_was_stored_is_applied_once_though_its_sender_hears_nothing(
    tmp_path: Path, database_url: str
) -> None:
    """WH-18."""
    async with house(tmp_path, database_url) as here:
        wish = Wish(here.member, "A", "wh_18")
        status, told = await here.ask(wish)
        assert status == 201
        await here.start(**{CRASH_POINT: "callback_stored"})
        visit = {"reference": told["partner_reference"], "guests": 0}
        async with here.members.line.http.post(
            here.gateways.club.partners["A"] + "/_simulator/visits", json=visit
        ) as answer:
            assert answer.status == 200
        await here.died_and_back()
        await here.require_one_effect(wish)
        async with asyncio.timeout(PATIENCE):
            while await callbacks_waiting(here):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await here.require_one_effect(wish)


async def callbacks_waiting(here: House) -> int:
    """Count the partner's callbacks that were not worked off yet."""
    token = await here.members.token_of("operator")
    _, told = await here.members.line.ask("GET", f"/v1/partners/{partner_id('A')}", token)
    waiting: int = told["workload"]["callbacks_waiting"]
    return waiting


def test_every_place_is_died_at_by_a_test() -> None:
    assert {*DEATHS.values(), "callback_stored"} == set(POINTS)


@pytest.mark.parametrize("armed", ["nowhere", "taken_in:", "taken_in:x", "taken_in:0", ":1", "taken_in:stop:1", "stop"])
def test_a_place_that_is_none_stops_the_start(armed: str) -> None:
    with pytest.raises(ConfigurationError, match=r"faults\.crash_point"):
        CrashPoints(armed)


@pytest.mark.parametrize("place", [*POINTS, *NIGHT_POINTS])
@pytest.mark.parametrize(
    ("suffix", "passes", "sent"),
    [("", 1, signal.SIGKILL), (":3", 3, signal.SIGKILL), (":stop", 1, signal.SIGSTOP), (":3:stop", 3, signal.SIGSTOP)],
)
def test_a_process_ends_or_stops_where_and_when_it_was_told(
    monkeypatch: pytest.MonkeyPatch, place: str, suffix: str, passes: int, sent: signal.Signals
) -> None:
    got: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, what: got.append((pid, what)))
    armed, unarmed = CrashPoints(place + suffix), CrashPoints()
    for number in range(1, passes + 1):
        assert not got, f"before it had passed {number} times"
        unarmed.reach(place)
        for other in POINTS.keys() - {place}:
            armed.reach(other)
        armed.reach(place)
    assert got == [(os.getpid(), sent)]
