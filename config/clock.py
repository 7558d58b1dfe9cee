"""Time as an argument. Only this module asks the machine what time it is."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a room may know of time."""

    def now(self) -> datetime:
        """Answer the instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Answer seconds of a clock that never steps back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Give way for at least this many seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Answer the instant, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Answer the monotonic clock in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Give way to the event loop."""
        await asyncio.sleep(seconds)
