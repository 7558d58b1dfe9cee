"""What keeps one hurt partner from hurting the rest, or us from hurting it: bulkhead, breaker, a budget of retries.

And what a client noticed of its partner's TLS, for whoever tells people.
"""

from __future__ import annotations

import asyncio
from collections import deque

from config.clock import Clock

CONNECT = "connect"
"""Reason of a failed call: no connection came about; a moment later it may."""
CERTIFICATE = "certificate"
"""Reason of a failed call: the partner's certificate is not to be trusted, and stays so until somebody mends it."""
NOT_CONNECTED = frozenset({CONNECT, CERTIFICATE})
"""The reasons of a failure that are the partner's or the line's, and not a refusal of ours."""


class BulkheadFullError(Exception):
    """As many calls run and wait as may; nothing was sent."""


class Bulkhead:
    """So many calls at once, so many waiting, the rest turned away at once."""

    def __init__(self, concurrency: int, queue: int) -> None:
        """Take the two limits."""
        self._slots = asyncio.Semaphore(concurrency)
        self._queue = queue
        self._waiting = 0

    @property
    def is_full(self) -> bool:
        """Whether one more would be turned away."""
        return self._slots.locked() and self._waiting >= self._queue

    def slot(self) -> Bulkhead:
        """Hold a slot for the length of an ``async with``.

        Entering raises:
            BulkheadFullError: the queue is full.
        """
        return self

    async def __aenter__(self) -> None:
        """Take a slot."""
        if self.is_full:
            raise BulkheadFullError
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        """Give it back."""
        self._slots.release()


class Breaker:
    """Opens when half of the last 20 calls failed; after 30 s three probes decide whether it closes.

    While it is open a scout may go out every ten seconds, if there is a call worth sending: when it fails nothing stays
    open for longer, and when it succeeds the probes begin at once. So one call tells soon that a partner is back.

    Every ticket that `allow` gives is followed by exactly one `record` with it. What was sent before the breaker last
    opened or closed says nothing any more when its answer comes, and is not counted.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        window: int = 20,
        open_seconds: float = 30.0,
        probes: int = 3,
        scout_seconds: float = 10.0,
    ) -> None:
        """Start closed."""
        self._clock = clock
        self._results: deque[bool] = deque(maxlen=window)
        self._window = window
        self._open_seconds = open_seconds
        self._probes = probes
        self._scout_seconds = scout_seconds
        self._opened: float | None = None
        self._scouted = 0.0
        self._age = 1
        self._probing = 0
        self._passed = 0

    @property
    def is_open(self) -> bool:
        """Whether ordinary calls are turned away."""
        return self._opened is not None

    @property
    def state(self) -> str:
        """What it does with calls: ``closed`` lets them out, ``open`` none, ``probing`` a few."""
        if self._opened is None:
            return "closed"
        return "open" if self._clock.monotonic() - self._opened < self._open_seconds else "probing"

    @property
    def turns_away(self) -> bool:
        """Whether a call now would be turned away."""
        return self.state == "open" or (self.state == "probing" and self._probing >= self._probes)

    def allow(self) -> int | None:
        """Give the ticket of a call that may go out now, else None: while probing a few, while open a scout."""
        state = self.state
        if state == "closed":
            return self._age
        if state == "open":
            return self._age if self._send_scout() else None
        if self._probing >= self._probes:
            return None
        self._probing += 1
        return self._age

    def _send_scout(self) -> bool:
        now = self._clock.monotonic()
        if now - self._scouted < self._scout_seconds:
            return False
        self._scouted = now
        return True

    def record(self, ticket: int, succeeded: bool | None) -> None:
        """Take the result of the call of a ticket; None says nothing about the partner."""
        if ticket != self._age:
            return
        if self.state == "open":
            self._record_scout(succeeded)
        elif self._opened is not None:
            self._record_probe(succeeded)
        elif succeeded is not None:
            self._results.append(succeeded)
            if len(self._results) == self._window and self._results.count(False) * 2 >= self._window:
                self._open()

    def _record_scout(self, succeeded: bool | None) -> None:
        """Let the probes begin when it came back well; another failure changes nothing."""
        if succeeded:
            self._opened = self._clock.monotonic() - self._open_seconds

    def _record_probe(self, succeeded: bool | None) -> None:
        self._probing = max(0, self._probing - 1)
        if succeeded is False:
            self._open()
        elif succeeded:
            self._passed += 1
            if self._passed >= self._probes:
                self._opened = None
                self._reset()

    def _open(self) -> None:
        self._opened = self._scouted = self._clock.monotonic()
        self._reset()

    def _reset(self) -> None:
        self._age += 1
        self._results.clear()
        self._probing = 0
        self._passed = 0


class Handshakes:
    """The handshakes with one partner that ended because of TLS itself: its certificate, or no way to speak it."""

    def __init__(self) -> None:
        """Begin with none."""
        self.failed = 0
        self.last = ""

    def fail(self, why: str) -> None:
        """Count one: ``certificate`` (the partner's is not to be trusted) or ``handshake`` (anything else)."""
        self.failed += 1
        self.last = why


class RetryBudget:
    """Repeats cost what ordinary calls earn: over time at most one in ten calls is a repeat.

    A partner that is down would otherwise get every call three times just when it has to recover.
    """

    def __init__(self, *, share: float = 0.1, reserve: float = 10.0) -> None:
        """Begin with the reserve, which is also the most that is ever saved.

        Args:
            share: of a repeat that each ordinary call earns.
            reserve: repeats that may be made at once after quiet times.
        """
        self._share = share
        self._most = reserve
        self._saved = reserve
        self.calls = 0
        self.repeats = 0
        self.refused = 0

    def earn(self) -> None:
        """An ordinary call goes out."""
        self.calls += 1
        self._saved = min(self._most, self._saved + self._share)

    def spend(self) -> bool:
        """Take the cost of one repeat; False when it cannot be paid and is not made."""
        if self._saved < 1.0:
            self.refused += 1
            return False
        self._saved -= 1.0
        self.repeats += 1
        return True
