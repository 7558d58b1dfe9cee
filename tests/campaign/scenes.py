"""What an outage costs, measured: the neighbours of a dead partner, further calls, and how soon all is well again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

import aiohttp
import msgspec
import sqlalchemy as sa

from config.database import Database
from config.settings import load_settings
from gateway.redemption.states import State
from gateway.redemption.tables import redemptions
from tests.campaign.books import read_partners
from tests.campaign.club import Club, patiently
from tests.campaign.driver import Line, Members
from tests.campaign.gateways import Gateways
from tests.campaign.shapes import SHAPES
from tests.campaign.storm import Weather

SCENE_SECONDS = 12.0
OUTAGE_SECONDS = 30.0
QUOTES = 15
ROUNDS = 3
ORDINARY = "[2, 5, 15, 60, 300, 900, 3600]"
"""The waiting times that the gateway has by default: recovery is measured with these."""
WINDOW_SECONDS = 900
"""The window that a manifest has by default: an outage is shorter than it, so that what was lost can be repeated."""
CALM = Weather(share=0.0)
HANGS = Weather(share=1.0, modes=("hang_then_commit",))
OUT = Weather(share=1.0, modes=("error_500_before",))
UNDECIDED = (State.UNKNOWN, State.SUBMITTING, State.CANCELLING)
Say = Callable[[str], None]


class Figures(msgspec.Struct, frozen=True):
    """One measured figure and what it should be at most."""

    name: str
    measured: float
    at_most: float
    beside: str

    def line(self) -> str:
        """Tell it."""
        reached = "reached" if self.measured <= self.at_most else "NOT REACHED"
        return f"  {self.name}: {self.measured:.2f} (at most {self.at_most:g}: {reached}); {self.beside}"


async def weather(club: Club, http: aiohttp.ClientSession, how: Weather, *profiles: str) -> None:
    """Set the weather at some partners, or all."""
    body = {"share": how.share, "modes": list(how.modes)}
    for profile in profiles or tuple(SHAPES):
        status, told = await patiently(http, "POST", f"{club.partners[profile]}/_simulator/weather", json=body)
        assert status == 200, told


async def scenes(folder: Path, database_url: str, seed: int, say: Say) -> tuple[Figures, ...]:
    """Measure every scene on one database with one gateway."""
    async with AsyncExitStack() as closing:
        club = await closing.enter_async_context(
            Club(folder, database_url, seed, schedule=ORDINARY, validity_seconds=WINDOW_SECONDS)
        )
        http = await closing.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        gateways = await closing.enter_async_context(Gateways(club))
        await gateways.start(0)
        dice = Random(f"scenes {seed}")
        members = Members(club, Line(club, http, dice), dice)
        await members.open(16)
        stage = Stage(club, http, members)
        found = [await stage.one_dead(), *await stage.all_out()]
        for one in found:
            say(one.line())
        return tuple(found)


class Stage:
    """Where the scenes are played."""

    def __init__(self, club: Club, http: aiohttp.ClientSession, members: Members) -> None:
        """Take the players."""
        self.club, self.http, self.members = club, http, members

    async def one_dead(self) -> Figures:
        """Compare the answers of a healthy partner while its neighbour is well and while it hangs."""
        well, dead = list[float](), list[float]()
        for _ in range(ROUNDS):
            for how, kept in ((CALM, well), (HANGS, dead)):
                await weather(self.club, self.http, how, "D")
                kept.append(await self._p95_at_a())
        await weather(self.club, self.http, CALM)
        change = 100 * (median(dead) / median(well) - 1)
        beside = (
            f"p95 {1000 * median(well):.0f} ms beside a healthy partner, {1000 * median(dead):.0f} beside a dead one"
        )
        return Figures("change of the others' p95 by a dead partner, per cent", change, 10.0, beside)

    async def _p95_at_a(self) -> float:
        seconds: list[float] = []
        until = time.monotonic() + SCENE_SECONDS
        names = list(self.members.opened_with)

        async def at(profile: str, member: str, kept: list[float] | None) -> None:
            while time.monotonic() < until:
                began = time.monotonic()
                await self._redeem(member, profile)
                if kept is not None:
                    kept.append(time.monotonic() - began)

        here = [at("A", member, seconds) for member in names[:4]]
        there = [at("D", member, None) for member in names[4:8]]
        await asyncio.gather(*here, *there)
        return quantiles(seconds, n=20)[-1]

    async def _redeem(self, member: str, profile: str) -> None:
        body = await self.members.quote(member, profile, patient=False)
        if body is not None:
            await self.members.line.once(
                "POST", "/v1/redemptions", self.members.tokens[member], body, f"scene-{body['quote_id']}"
            )

    async def all_out(self) -> list[Figures]:
        """Let every partner answer nothing but errors for a while: how many calls are made, how soon all is decided."""
        usual = await self._calls_while(CALM)
        outage = await self._calls_while(OUT)
        await weather(self.club, self.http, CALM)
        seconds = await self._until_decided()
        added = 100 * (outage / usual - 1)
        beside = f"{usual} calls in {OUTAGE_SECONDS:.0f} s when all is well, {outage} in an outage"
        slow = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else 0.0
        return [
            Figures("calls that an outage of all partners adds, per cent", added, 10.0, beside),
            Figures("seconds until undecided ones are decided after it, p95", slow, 30.0, f"{len(seconds)} undecided"),
        ]

    async def _calls_while(self, how: Weather) -> int:
        """Redeem what was priced before, so that an outage meets redemptions; answer how many calls that made."""
        names = list(self.members.opened_with)[:12]
        quotes = {name: await self._quotes(name, "ABCDEF"[number % 6]) for number, name in enumerate(names)}
        await weather(self.club, self.http, how)
        before = await self._calls()
        until = time.monotonic() + OUTAGE_SECONDS
        await asyncio.gather(*(self._redeem_slowly(name, quotes[name], until) for name in names))
        return await self._calls() - before

    async def _quotes(self, member: str, profile: str) -> list[dict[str, Any]]:
        found = [await self.members.quote(member, profile) for _ in range(QUOTES)]
        return [one for one in found if one is not None]

    async def _redeem_slowly(self, member: str, quotes: list[dict[str, Any]], until: float) -> None:
        token = self.members.tokens[member]
        for quote in quotes:
            await self.members.line.once("POST", "/v1/redemptions", token, quote, f"scene-{quote['quote_id']}")
            await asyncio.sleep(max(0.0, until - time.monotonic()) / QUOTES)

    async def _calls(self) -> int:
        books = await read_partners(self.club)
        return sum(count for book in books.values() for name, count in book.counts.items() if name != "token")

    async def _until_decided(self) -> list[float]:
        """Wait until nothing is undecided; answer how long each took."""
        database = await Database.open(load_settings(self.club.settings_file(), {}).database)
        query = sa.select(redemptions.c.id).where(redemptions.c.state.in_(UNDECIDED))
        began, left, seconds = time.monotonic(), set[str](), list[float]()
        try:
            left = set(await database.read(lambda c: c.execute(query).scalars().all()))
            while left and time.monotonic() < began + 120:
                await asyncio.sleep(0.25)
                still = left & set(await database.read(lambda c: c.execute(query).scalars().all()))
                seconds += [time.monotonic() - began] * len(left - still)
                left = still
        finally:
            await database.close()
        return [*seconds, *[120.0] * len(left)]
