"""Kills gateways while members redeem: at random moments, and at every named crash point so and so often."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from config.crash_points import POINTS
from tests.campaign.gateways import CRASH_POINT, Gateways

PASSED_BEFORE, SELDOM = 40, {"callback_stored": 2}
"""A process dies at a crash point when it passes it for a number of times up to this; at some they seldom come by."""
LIFE_SECONDS = 3.0
"""How long a process lives on average before it is killed at random."""
CRASH_PATIENCE = 12.0
"""How long a crash point is waited for; nobody may have passed it."""


@dataclass
class Killer:
    """Keeps every gateway running, and dying, until told to stop."""

    gateways: Gateways
    dice: Random
    each_point: int
    life_seconds: float = LIFE_SECONDS
    left: list[str] = field(default_factory=list)
    died_at: Counter[str] = field(default_factory=Counter)
    back_seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Put the deaths in an order."""
        self.left = [point for point in POINTS for _ in range(self.each_point)]
        self.dice.shuffle(self.left)

    @property
    def points_left(self) -> int:
        """How many deaths at crash points are still to be died."""
        return sum(self.each_point - self.died_at[point] for point in POINTS if self.died_at[point] < self.each_point)

    async def torment(self, number: int) -> None:
        """Let one gateway live and die again and again; at the end it lives."""
        began = None
        while not self.over.is_set():
            point = self.left.pop() if self.left and self.dice.random() < 0.7 else None
            armed = {CRASH_POINT: f"{point}:{self.dice.randint(1, SELDOM.get(point, PASSED_BEFORE))}"} if point else {}
            life = await self.gateways.start(number, **armed)
            if began is not None:
                self.back_seconds.append(time.monotonic() - began)
            patience = CRASH_PATIENCE if point else self.dice.expovariate(1 / self.life_seconds)
            finished, _ = await asyncio.wait({life.ended}, timeout=min(patience, 30.0))
            began = time.monotonic()
            if finished:
                self._note(point, life.ended.result())
                continue
            if point:
                self.left.insert(0, point)
            life.send(signal.SIGKILL)
            await life.ended
            self.died_at["at random"] += 1
        life = await self.gateways.start(number)
        if life.ended.done():
            self.problems.append(f"the last gateway ended by itself with {life.ended.result()}")

    def _note(self, point: str | None, status: int) -> None:
        if status == -signal.SIGKILL and point is not None:
            self.died_at[point] += 1
        else:
            self.problems.append(f"a gateway ended by itself with {status} (armed: {point})")
