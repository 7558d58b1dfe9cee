"""The work that nobody waits for: sweeping, the inbox. Runs beside the API or in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.redemption.sweeper import Sweeper
from gateway.webhooks.worker import InboxWorker
from gateway.wiring import Gateway


@asynccontextmanager
async def working(gateway: Gateway) -> AsyncIterator[None]:
    """Have the workers run while the body does; they stop between two pieces of work."""
    sweeper = Sweeper(gateway.database, gateway.clock, gateway.engine, gateway.reversals, gateway.settings.redemption)
    inbox = InboxWorker(gateway.database, gateway.clock, gateway.partners, gateway.observer)
    tasks = [
        asyncio.create_task(sweeper.run(), name="sweeper"),
        asyncio.create_task(inbox.run(), name="inbox"),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
