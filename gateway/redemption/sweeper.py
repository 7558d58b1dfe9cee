"""Finishes what nobody is waiting for: crashed calls, unknown outcomes, queued requests, reversals.

Start-up does nothing special: the first sweep finds what a crash left when its leases have ended. A partner that hangs
keeps only its own redemptions waiting: each has places of its own, and the next sweep does not wait for the last.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from config.clock import Clock
from config.database import Database, Operation
from config.errors import DatabaseError
from config.observability import get_logger
from config.settings import RedemptionSettings
from gateway.redemption import lease_store, reversal_store
from gateway.redemption.engine import Engine
from gateway.redemption.reversal_engine import ReversalEngine

log = get_logger(__name__)

PER_PARTNER = 16
"""Redemptions of one partner that are worked on at once; its client has a bulkhead of its own."""

AFTER_FAILURE = timedelta(minutes=1)
"""When something that raised is looked at again: one poisonous row must not stop the others."""

Key = tuple[str, int]
"""A redemption (number 0) or one of its reversals."""
Work = Callable[[], Coroutine[Any, Any, None]]


class Sweeper:
    """Advances what is due, every few seconds, until it is stopped."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        reversals: ReversalEngine,
        settings: RedemptionSettings,
    ) -> None:
        """Keep the seams."""
        self._database = database
        self._clock = clock
        self._engine = engine
        self._reversals = reversals
        self._settings = settings
        self._places: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_PARTNER))
        self._running: dict[Key, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Sweep until cancelled; a database that does not answer is waited for.

        A call to a partner that has begun then goes on to its end, which `Engine.close` waits for.
        """
        try:
            while True:
                try:
                    await self._start()
                except DatabaseError as error:
                    log.warning("sweep.database", reason=error.message)
                await self._clock.sleep(self._settings.sweep_interval_seconds)
        finally:
            under_way = list(self._running.values())
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def sweep(self) -> int:
        """Advance what is due now, wait for it, and answer how many redemptions and reversals that was."""
        started = await self._start()
        await asyncio.gather(*started)
        return len(started)

    async def _start(self) -> list[asyncio.Task[None]]:
        """Start what is due and not being worked on here."""
        await self._engine.wake()
        due, due_reversals = await self._database.read(self._due)
        started = [
            self._begin((found, 0), partner, partial(self._engine.advance, found))
            for found, partner in due
            if (found, 0) not in self._running
        ]
        for found in due_reversals:
            if found not in self._running:
                started.append(self._begin(found, "", partial(self._reversals.advance, *found)))
        return started

    def _due(self, connection: Connection) -> tuple[list[tuple[str, str]], list[Key]]:
        now, limit = self._clock.now(), self._settings.sweep_batch
        return (
            lease_store.due(connection, now, limit, PER_PARTNER),
            reversal_store.due(connection, now, limit),
        )

    def _begin(self, key: Key, places: str, work: Work) -> asyncio.Task[None]:
        task = asyncio.create_task(self._one(key, places, work), name=f"sweep {key[0]}")
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))
        return task

    async def _one(self, key: Key, places: str, work: Work) -> None:
        try:
            async with self._places[places]:
                await self._engine.to_its_end(work())
        except Exception:
            log.exception("sweep.failed", subject=key[0])
            await self._put_off(key)

    async def _put_off(self, key: Key) -> None:
        redemption_id, number = key
        now = self._clock.now()
        until = now + AFTER_FAILURE
        operation: Operation[None] = partial(lease_store.put_off, redemption_id=redemption_id, now=now, until=until)
        if number:
            operation = partial(
                reversal_store.put_off, redemption_id=redemption_id, number=number, now=now, until=until
            )
        try:
            await self._database.write(operation)
        except DatabaseError as error:
            log.warning("sweep.database", reason=error.message)
