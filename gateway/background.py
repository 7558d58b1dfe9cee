"""What a serving gateway does besides answering: sweeping, the inbox, asking for uses, housekeeping, following."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from catalogue.book import CatalogueFollower
from config.clock import Clock
from config.observability import get_logger
from gateway.housekeeping import Housekeeper
from gateway.operations.auditor import Auditor
from gateway.redemption.sweeper import Sweeper
from gateway.services import status_grants
from gateway.services.partner_links import revoke_due
from gateway.usage.worker import UsageWorker
from gateway.webhooks.worker import InboxWorker
from gateway.wiring import Gateway

RESTART_SECONDS = 5.0
log = get_logger(__name__)


@asynccontextmanager
async def background(gateway: Gateway) -> AsyncIterator[None]:
    """Run the workers while the block lasts; all of them may run in several processes at once."""
    sweeper = Sweeper(gateway.database, gateway.clock, gateway.engine, gateway.reversals, gateway.settings.redemption)
    inbox = InboxWorker(gateway.database, gateway.clock, gateway.partners, gateway.observer)
    interval = gateway.settings.catalogue.refresh_seconds
    follower = CatalogueFollower(gateway.book, gateway.database, gateway.clock, interval)
    housekeeper = Housekeeper(gateway.database, gateway.clock, partial(revoke_due, gateway))
    auditor = Auditor(gateway.database, gateway.clock, gateway.identifiers, gateway.settings.audit)
    uses = UsageWorker(gateway.database, gateway.clock, gateway.partners, gateway.contracts, gateway.identifiers)
    work: dict[str, Callable[[], Awaitable[None]]] = {
        "sweeper": sweeper.run,
        "inbox": inbox.run,
        "catalogue": follower.run,
        "housekeeper": housekeeper.run,
        "denials": partial(gateway.denials.follow, gateway.database, gateway.clock),
        "auditor": auditor.run,
        "uses": uses.run,
        "certificates": gateway.certificates.run,
        "status_grants": partial(status_grants.run, gateway),
    }
    tasks = [asyncio.create_task(_kept(run, name, gateway.clock), name=name) for name, run in work.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kept(run: Callable[[], Awaitable[None]], name: str, clock: Clock) -> None:
    """Start a worker again when it ends by a fault of ours: what it does is safe to begin anew."""
    while True:
        try:
            await run()
        except Exception as error:
            log.error("a worker ended by an error and is started again", worker=name, exc_info=error)
        await clock.sleep(RESTART_SECONDS)
