"""A partner call by the client that adapters get, 64 at once, kept connections; bare streams and plain httpx beside it.

The partner is a process of its own, so that the processor time told is the caller's.
"""

from __future__ import annotations

import asyncio

import httpx

from adapters.sdk.calls import PartnerAnswer, PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.manifest import Limits
from config.clock import SystemClock
from tests.bench.measure import Result
from tests.bench.raw_http import BODY, RawClient, partner
from tests.bench.together import Together, measure_together

CONCURRENT = 64
CALL = PartnerCall(operation="reserve", method="POST", path="/reservations", body=BODY)


def results() -> list[Result]:
    """Measure the row."""
    with partner() as port:
        return [asyncio.run(_measured(port))]


async def _measured(port: int) -> Result:
    raw = RawClient(port)
    ours = PartnerClient(base_url=f"http://127.0.0.1:{port}", limits=_limits(), clock=SystemClock())
    headers = {"Content-Type": "application/json"}
    pool = httpx.Limits(max_connections=CONCURRENT)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=pool, headers=headers) as plain:

        async def call() -> None:
            answer = await ours.call(CALL)
            assert isinstance(answer, PartnerAnswer), answer

        row = Together(
            name=f"partner call, {CONCURRENT} concurrent, keep-alive",
            floor=lambda: raw.post(BODY),
            ours=call,
            peer=lambda: plain.post("/reservations", content=BODY),
            goal=0.0,
            goal_of_peer=10.0,
            limits={"cpu ms": 0.5},
            concurrent=CONCURRENT,
            each=8,
        )
        try:
            return await measure_together(row)
        finally:
            raw.close()
            await ours.aclose()


def _limits() -> Limits:
    return Limits(deadline_seconds=30, concurrency=CONCURRENT, queue=CONCURRENT)
