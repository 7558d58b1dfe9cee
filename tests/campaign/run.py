"""One campaign on one database, from the first member to the verdict."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from tests.campaign.books import Books, read_books, read_partners, undecided, verdict
from tests.campaign.club import Club
from tests.campaign.driver import Line, Members
from tests.campaign.gateways import Gateways
from tests.campaign.killer import Killer
from tests.campaign.partners import partner_id
from tests.campaign.scenes import weather
from tests.campaign.shapes import SHAPES
from tests.campaign.storm import Weather

QUIET_SECONDS = 240.0
"""How long everything may take to end once the storm is over."""
Say = Callable[[str], None]


@dataclass
class Plan:
    """What is asked of one campaign."""

    redemptions: int
    seed: int
    database_url: str
    folder: Path
    gateways: int = 1
    members: int = 32
    each_point: int = 20
    share: float = 0.12
    life_seconds: float = 3.0
    profiles: str = "".join(SHAPES)


@dataclass
class Outcome:
    """What became of it; ``wrong`` is empty when everything held."""

    plan: Plan
    wrong: list[str] = field(default_factory=list)
    books: Books = field(default_factory=Books)
    died_at: Counter[str] = field(default_factory=Counter)
    back_seconds: list[float] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    quiet_seconds: float = 0.0
    with_people: int = 0
    found_lies: int = 0

    def as_facts(self) -> dict[str, Any]:
        """What is kept of it."""
        return {
            "redemptions": len(self.books.rows),
            "states": self.states,
            "died_at": self.died_at,
            "back_seconds": sorted(self.back_seconds),
            "faults": self.met,
            "with_people_before_the_files": self.with_people,
            "booked_twice_and_found": len(self.books.found_twice),
            "seconds": self.seconds,
            "wrong": self.wrong,
        }

    def lines(self) -> list[str]:
        """Tell it."""
        back = sorted(self.back_seconds) or [0.0]
        return [
            f"  {len(self.books.rows)} redemptions in {self.seconds:.0f} s: {_told(self.states)}",
            f"  killed: {_told(self.died_at)}",
            f"  answers again after a kill: median {back[len(back) // 2]:.2f} s, at most {back[-1]:.2f} s",
            f"  the partners' faults: {_told(self.met)}",
            f"  booked twice by a partner that broke its word, and found: {len(self.books.found_twice)}",
            f"  what the members were told: {_told(self.statuses)}; {_told(self.troubles) or 'no trouble else'}",
            *[f"  WRONG {one}" for one in self.wrong[:50]],
            f"  {len(self.wrong)} wrong",
        ]

    @property
    def states(self) -> Counter[str]:
        """How the redemptions ended."""
        return Counter(str(row.state) for row in self.books.rows.values())

    @property
    def met(self) -> Counter[str]:
        """The partners' faults, by mode."""
        total: Counter[str] = Counter()
        for partner in self.books.partners.values():
            total.update(partner.met)
        return total


def _told(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))


async def campaign(plan: Plan, say: Say) -> Outcome:
    """Run it."""
    outcome = Outcome(plan)
    dice = Random(f"campaign {plan.seed}")
    async with AsyncExitStack() as closing:
        club = await closing.enter_async_context(Club(plan.folder, plan.database_url, plan.seed, plan.gateways))
        http = await closing.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        gateways = await closing.enter_async_context(Gateways(club))
        members = Members(club, Line(club, http, dice), dice)
        killer = Killer(gateways, Random(f"killer {plan.seed}"), plan.each_point, plan.life_seconds)
        tormented = await _begin(plan, club, gateways, members, killer)
        await weather(club, http, Weather(share=plan.share))
        await _live(plan, members, killer, say)
        killer.over.set()
        await asyncio.gather(*tormented)
        await weather(club, http, Weather(share=0.0))
        await _end(outcome, club, members, killer, say)
    return outcome


async def _begin(
    plan: Plan, club: Club, gateways: Gateways, members: Members, killer: Killer
) -> list[asyncio.Task[None]]:
    """Open the members with one gateway alive, then let the killing begin."""
    first = await gateways.start(0)
    assert not first.ended.done(), f"the gateway does not start; see {club.log('gateway-0')}"
    others = [await gateways.start(number) for number in range(1, plan.gateways)]
    await members.open(plan.members)
    for life in (first, *others):
        life.send(signal.SIGKILL)
        await life.ended
    return [asyncio.create_task(killer.torment(number)) for number in range(plan.gateways)]


async def _live(plan: Plan, members: Members, killer: Killer, say: Say) -> None:
    """Redeem what was asked for, and go on until every crash point was died at often enough."""
    dice = Random(f"wishes {plan.seed}")
    left = [dice.choice(plan.profiles) for _ in range(plan.redemptions)]
    began, total = time.monotonic(), len(left)
    lives = [asyncio.create_task(members.live(member, left)) for member in members.opened_with]
    telling = asyncio.create_task(_tell(began, total, left, killer, say))
    await asyncio.gather(*lives)
    while killer.points_left and time.monotonic() - began < 3_600:
        left += [dice.choice(plan.profiles) for _ in range(plan.members)]
        await asyncio.gather(*(members.live(member, left) for member in members.opened_with))
    telling.cancel()


async def _tell(began: float, total: int, left: list[str], killer: Killer, say: Say) -> None:
    while True:
        await asyncio.sleep(10)
        done = max(total - len(left), 0)
        rate = done / (time.monotonic() - began)
        say(
            f"  {done} of {total} redemptions, {rate:.0f} per second, {killer.died_at.total()} kills,"
            f" {killer.points_left} at crash points to go"
        )


async def _end(outcome: Outcome, club: Club, members: Members, killer: Killer, say: Say) -> None:
    began = time.monotonic()
    await _until_quiet(club)
    outcome.quiet_seconds = time.monotonic() - began
    _, outcome.with_people = await undecided(club)
    say(
        f"  quiet after {outcome.quiet_seconds:.0f} s; {outcome.with_people} with people, whom the partners' files help"
    )
    outcome.found_lies = await _settle(club, say)
    await _until_quiet(club)
    outcome.books = await read_books(club, members)
    outcome.wrong = [*killer.problems, *verdict(outcome.books, members), *_lies(outcome)]
    outcome.died_at, outcome.back_seconds = killer.died_at, killer.back_seconds
    outcome.troubles, outcome.statuses = members.troubles, members.line.statuses


async def _until_quiet(club: Club) -> None:
    until = time.monotonic() + QUIET_SECONDS
    pretended = {key for book in (await read_partners(club)).values() for key in book.lied}
    while time.monotonic() < until:
        waiting, _ = await undecided(club, pretended)
        if waiting == 0:
            return
        await asyncio.sleep(1.0)


async def _settle(club: Club, say: Say) -> int:
    """Run the night of every business day of the campaign; answer how many captured ones no partner accounts for."""
    ours = {partner_id(profile) for profile in SHAPES}
    missing = 0
    for day in business_days():
        _, output = await club.run("settlement", "run", "--date", day.isoformat(), "--json")
        nights = {one["partner"]: one for one in json.loads(output) if one["partner"] in ours}
        assert nights.keys() == ours, f"the night failed; see {club.log('commands')}"
        for name, night in nights.items():
            assert night["problem"] is None, f"the night of {name}: {night['problem']}"
            outcomes = night["run"]["summary"]["outcomes"]
            missing += outcomes.get("missing_theirs", 0)
            say(f"  night of {name}: {outcomes}")
    return missing


def business_days() -> list[date]:
    """The business days that a campaign which ends now may have touched."""
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    return [today - timedelta(days=1), today] if datetime.now(ZoneInfo("Asia/Shanghai")).hour < 3 else [today]


def _lies(outcome: Outcome) -> list[str]:
    """What a partner pretended to grant and did not is captured; settlement has to find every one of them."""
    owed = sum(
        row.key in outcome.books.partners[row.partner].lied
        and row.key not in outcome.books.partners[row.partner].granted
        and str(row.state) == "captured"
        and not row.given_back
        for row in outcome.books.rows.values()
    )
    return [] if outcome.found_lies >= owed else [f"{owed} pretended grants, and settlement found {outcome.found_lies}"]
