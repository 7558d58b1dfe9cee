"""A clock that stands still until a test moves it, and one that goes on by itself from the same instant."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


class ManualClock:
    """Time as the test says; sleeping gives way once and does not move it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def advance(self, **units: float) -> None:
        """Move on by ``timedelta(**units)``."""
        step = timedelta(**units)
        self._now += step
        self._monotonic += step.total_seconds()


class RunningClock(ManualClock):
    """Time that passes, from the instant at which the tests begin: identifiers follow each other as in service."""

    def __init__(self, start: datetime = START) -> None:
        super().__init__(start)
        self._begun = time.monotonic()

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=time.monotonic() - self._begun)

    def monotonic(self) -> float:
        return super().monotonic() + time.monotonic() - self._begun

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
