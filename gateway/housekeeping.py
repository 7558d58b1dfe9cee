"""Marks what has ended, every few minutes: safe in several processes at once, and nothing waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from config.clock import Clock
from config.database import Database
from config.observability import get_logger
from gateway.links import store as link_store
from gateway.oauth import denials
from gateway.services import vouchers

INTERVAL_SECONDS = 300.0
log = get_logger(__name__)


class Housekeeper:
    """Expires vouchers and links, forgets denials of tokens that have ended, tells partners of links that ended."""

    def __init__(self, database: Database, clock: Clock, revoke_due: Callable[[], Awaitable[int]]) -> None:
        """Keep the seams; ``revoke_due`` tells partners what they could not be told when it happened."""
        self._revoke_due = revoke_due
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Work until it is cancelled."""
        while True:
            await self.once()
            await self._clock.sleep(INTERVAL_SECONDS)

    async def once(self) -> int:
        """Mark what has ended by now; answers how many vouchers."""
        expired = await self._database.write(partial(vouchers.expire, now=self._clock.now()))
        await self._database.write(partial(denials.purge, at=self._clock.now()))
        await self._database.write(partial(link_store.age, at=self._clock.now()))
        await self._revoke_due()
        if expired:
            log.info("vouchers.expired", count=expired)
        return expired
