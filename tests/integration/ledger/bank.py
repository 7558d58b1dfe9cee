"""The house of the bank test: opens members, runs processes of tellers, kills some, and reads all the while."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database
from settlement import ledger
from settlement.audit import audit
from settlement.tables import accounts, journal_entries
from tests.integration.ledger.bank_teller import AT, MEMBERS, day, key_of

ROOT = Path(__file__).parents[3]
OPENING = 3_000
TELLERS = 4
"""At once in each process."""
OVERLAP = 5
"""Steps that a teller makes again after a kill, though it was heard to have made them."""


@dataclass
class House:
    """The running bank and what was heard of it. ``problems`` are what nobody may ever see."""

    database: Database
    ledger_name: str
    seed: str
    steps: int
    heard: dict[str, dict[int, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    made: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    looked: int = 0
    kills: int = 0

    @property
    def steps_heard(self) -> int:
        """Count the steps that have an answer."""
        return sum(len(steps) for steps in self.heard.values())

    async def open(self) -> None:
        """Give every member two lots that expire one after the other."""

        def give(connection: Connection) -> None:
            for member in MEMBERS:
                for days in (30, 300):
                    ledger.issue(
                        connection,
                        key=f"opening:{member}:{days}",
                        member_id=member,
                        commodity="PTS",
                        quantity=OPENING,
                        at=AT,
                        expires_at=AT + timedelta(days=days),
                        reason="opening",
                        reference=member,
                    )

        await self.database.write(give)

    @asynccontextmanager
    async def process(self, tellers: tuple[str, ...]) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start a process of tellers, each where it was last heard of, and listen to it until it ends."""
        firsts = {teller: max(0, max(self.heard[teller], default=-1) + 1 - OVERLAP) for teller in tellers}
        arguments = (self.database.url, self.ledger_name, self.seed, str(self.steps), json.dumps(firsts))
        command = (sys.executable, "-m", "tests.integration.ledger.bank_teller", *arguments)
        running = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        listening = asyncio.create_task(self._listen(running))
        try:
            yield running
        finally:
            if running.returncode is None:
                running.kill()
            await running.wait()
            await listening

    async def _listen(self, running: asyncio.subprocess.Process) -> None:
        assert running.stdout is not None
        async for line in running.stdout:
            if not line.endswith(b"\n"):
                return
            teller, number, how = line.decode().split()
            self.heard[teller][int(number)].add(how)
            if how == "made":
                self.made[key_of(teller, int(number))] += 1

    async def run_tellers(self, name: str, kill_at: list[int]) -> None:
        """Run the tellers of one place to the end of their day, over as many deaths as there are marks to die at."""
        tellers = tuple(f"{name}{number}" for number in range(TELLERS))
        for mark in [*kill_at, None]:
            async with self.process(tellers) as running:
                if mark is None:
                    if await running.wait():
                        self.problems.append(f"a process of tellers ended with {running.returncode}")
                    return
                while running.returncode is None and sum(len(self.heard[one]) for one in tellers) < mark:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                if running.returncode is None:
                    running.kill()
                    self.kills += 1
            await self.require_kept()

    async def require_kept(self) -> None:
        """Whatever was answered as made is there."""
        answered = list(self.made)
        known = set(await self.database.read(lambda connection: connection.execute(_KEYS).scalars().all()))
        lost = [key for key in answered if key not in known and not any(each.startswith(f"{key}:") for each in known)]
        self.problems += [f"answered and lost: {key}" for key in lost]

    async def read(self) -> None:
        """Look at the whole house in one snapshot: all sums hold at any time."""
        self.problems += await self.database.read(_look)
        self.looked += 1

    async def end(self) -> None:
        """Count everything once more when nobody moves any more."""
        await self.read()
        await self.require_kept()
        doubled = await self.database.read(lambda connection: connection.execute(_HOLDS).all())
        self.problems += [f"held {count} times: {reference}" for reference, count in doubled]
        self.problems += [f"made {count} times: {key}" for key, count in self.made.items() if count > 1]


_KEYS = sa.select(journal_entries.c.key).where(journal_entries.c.key.like("bank:%"))
_HOLDS = (
    sa.select(journal_entries.c.reference, sa.func.count())
    .where(journal_entries.c.kind == "hold")
    .group_by(journal_entries.c.reference)
    .having(sa.func.count() > 1)
)


def _look(connection: Connection) -> list[str]:
    given = 2 * OPENING * len(MEMBERS)
    liability = sa.select(accounts.c.balance).where(accounts.c.code == "programme/liability")
    members = sa.select(sa.func.sum(accounts.c.balance)).where(accounts.c.code.like("member/%"))
    owed, owned = (int(connection.execute(query).scalar_one()) for query in (liability, members))
    wrong = [] if owed == -owned and 0 <= owned <= given else [f"members own {owned} and the programme owes {-owed}"]
    return wrong + [f"{finding.rule}: {finding.subject}" for finding in audit(connection).findings]


async def run(database: Database, *, ledger_name: str, seed: int, steps: int, kills: int, processes: int = 2) -> House:
    """Run the whole bank: processes of tellers, so many kills of each, and a reader beside them.

    Ends early with the first problem.
    """
    house = House(database, ledger_name, str(seed), steps)
    await house.open()
    dice, whole = Random(seed), steps * TELLERS
    marks = {name: sorted(dice.sample(range(TELLERS, whole * 3 // 4), kills)) for name in "ab"[:processes]}
    places = [asyncio.create_task(house.run_tellers(name, marks[name])) for name in marks]
    try:
        while not house.problems and not all(place.done() for place in places):
            await house.read()
            await asyncio.sleep(0.02)
    finally:
        for place in places:
            if house.problems:
                place.cancel()
        await asyncio.gather(*places, return_exceptions=bool(house.problems))
    await house.end()
    return house


def kinds(problems: list[str]) -> set[str]:
    """Answer what sorts of problems these are."""
    return {re.split(":| \\d", problem)[0] for problem in problems}


def moved(house: House) -> Counter[str]:
    """Count by kind what was made: a bank in which nothing happens proves nothing."""
    found: Counter[str] = Counter()
    for teller in house.heard:
        steps = day(house.seed, teller, house.steps)
        found.update(steps[number].kind for number in house.heard[teller] if house.made[key_of(teller, number)])
    return found
