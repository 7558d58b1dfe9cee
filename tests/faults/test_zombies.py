"""Two gateways on one database: one is stopped (SIGSTOP) past its lease, the other takes over, the first wakes."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from gateway.redemption.states import State
from tests.campaign.books import read_books, undecided, verdict
from tests.campaign.club import Club
from tests.campaign.driver import Line, Members, Wish
from tests.campaign.gateways import CRASH_POINT, Gateways, Life

PATIENCE = 30.0
LATE_SECONDS = 1.0
"""What a process that woke does, it does in this time."""
ZOMBIES = (("A", "attempt_written"), ("A", "answer_read"), ("D", "attempt_written"))
"""At which partner, and where the process stops: before its call is made, and with the answer in its hands."""


async def until(true: Callable[[], Any]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def stopped(life: Life) -> bool:
    """Say whether a process is stopped."""
    state = Path(f"/proc/{life.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    return state == "T"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NO /proc: whether a process is stopped is read there")
async def test_cr_12_a_worker_that_slept_past_its_lease_harms_nothing(tmp_path: Path, database_url: str) -> None:
    async with (
        Club(tmp_path / "club", database_url, seed=11, gateways=2) as club,
        aiohttp.ClientSession() as http,
        Gateways(club) as gateways,
    ):
        first = await gateways.start(0)
        club.gateways = 1  # the members speak to the first one only
        members = Members(club, Line(club, http, Random(11)), Random(11))
        await members.open(1)
        await end(first)
        for number, (profile, point) in enumerate(ZOMBIES):
            await sleep_and_wake(gateways, members, Wish(min(members.opened_with), profile, f"wish-{number}"), point)
        books = await read_books(club, members)
        assert list(verdict(books, members)) == []
        assert Counter(row.state for row in books.rows.values()).keys() <= {State.CAPTURED, State.VOIDED}
        assert len(books.rows) == len(ZOMBIES)


async def sleep_and_wake(gateways: Gateways, members: Members, wish: Wish, point: str) -> None:
    """Redeem at a gateway that stops at a point; wake it when another has ended what it left."""
    club = gateways.club
    sleeper = await gateways.start(0, **{CRASH_POINT: f"{point}:stop"})
    members.wishes.append(wish)
    quote = await members.quote(wish.member, wish.profile)
    token = members.tokens[wish.member]
    asking = asyncio.create_task(members.line.once("POST", "/v1/redemptions", token, quote, wish.key, seconds=5))

    async def asleep() -> bool:
        return stopped(sleeper)

    async def ended() -> bool:
        return await undecided(club) == (0, 0)

    await until(asleep)
    other = await gateways.start(1)
    await until(ended)
    sleeper.send(signal.SIGCONT)
    await asking
    await asyncio.sleep(LATE_SECONDS)
    await until(ended)
    await end(sleeper)
    await end(other)


async def end(life: Life) -> None:
    """Kill a gateway."""
    life.send(signal.SIGKILL)
    await life.ended
