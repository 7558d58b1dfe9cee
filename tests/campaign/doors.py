"""A partner's address that answers nothing for a moment now and then, while there is a storm: refused connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from adapters.sdk.testing.simulator import Simulator, serve
from tests.campaign.storm import Storm

OPEN_SECONDS = (6.0, 18.0)
CLOSED_SECONDS = 0.3
START_SECONDS = 30.0
MET = "refused_connection"


@asynccontextmanager
async def door(simulator: Simulator, seed: str) -> AsyncIterator[str]:
    """Serve a simulator, shut its port from time to time, and give its address, which stays the same."""
    known: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(_open_and_shut(simulator, Random(f"{seed} door"), known))
    try:
        async with asyncio.timeout(START_SECONDS):
            address = await known
        yield address
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _open_and_shut(simulator: Simulator, dice: Random, known: asyncio.Future[str]) -> None:
    storm, port = simulator.faults, 0
    assert isinstance(storm, Storm)
    while True:
        async with serve(simulator, port) as address:
            if not known.done():
                known.set_result(address)
                port = int(address.rpartition(":")[2])
            while True:
                await asyncio.sleep(dice.uniform(*OPEN_SECONDS))
                if storm.is_mixed:
                    break
        storm.meet(MET)
        await asyncio.sleep(CLOSED_SECONDS)
