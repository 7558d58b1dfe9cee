"""Finishes what nobody is waiting for: crashed calls, unknown outcomes, queued requests, reversals.

Start-up does nothing special: the first sweep finds what a crash left when its leases have ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial

from sqlalchemy import Connection

from config.clock import Clock
from config.database import Database
from config.errors import DatabaseError
from config.observability import get_logger
from config.settings import RedemptionSettings
from gateway.redemption import reversal_store, store
from gateway.redemption.engine import Engine
from gateway.redemption.reversal_engine import ReversalEngine

log = get_logger(__name__)

CONCURRENCY = 16


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
        self._places = asyncio.Semaphore(CONCURRENCY)

    async def run(self) -> None:
        """Sweep until cancelled; a database that does not answer is waited for."""
        while True:
            try:
                await self.sweep()
            except DatabaseError as error:
                log.warning("sweep.database", reason=error.message)
            await self._clock.sleep(self._settings.sweep_interval_seconds)

    async def sweep(self) -> int:
        """Advance what is due now and answer how many redemptions and reversals that was."""
        limit = self._settings.sweep_batch
        due, due_reversals = await self._database.read(partial(self._due, limit))
        work: list[Awaitable[None]] = [self._one(self._engine.advance(found)) for found in due]
        work += [self._one(self._reversals.advance(*found)) for found in due_reversals]
        await asyncio.gather(*work)
        return len(work)

    def _due(self, limit: int, connection: Connection) -> tuple[list[str], list[tuple[str, int]]]:
        now = self._clock.now()
        return store.due(connection, now, limit), reversal_store.due(connection, now, limit)

    async def _one(self, work: Awaitable[None]) -> None:
        async with self._places:
            try:
                await work
            except Exception:
                # One poisonous row must not stop the others; it stays due and is reported by its age.
                log.exception("sweep.failed")
