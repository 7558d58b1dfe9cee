"""The adapter against its simulator over real HTTP: one partner that answers at once, one that waits for the night."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import httpx
import msgspec
import pytest

from adapters.airlines.points_lcp import create
from adapters.airlines.points_lcp.adapter import PointsLcpAdapter
from adapters.airlines.points_lcp.simulator import MAC_ID, MAC_KEY, create_simulator
from adapters.sdk.context import open_context
from adapters.sdk.manifest import read_manifest
from adapters.sdk.records import Mileage, ReservationRequest, StepResult, Traveller
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, serve
from config.clock import SystemClock
from config.secrets import Secret
from tests.adapters.airlines.points_lcp.samples import KEY, MANIFEST

OPTIONS = {"loyalty_programme": "skyward"}


class Partner:
    """A running simulator and the adapter that speaks to it."""

    def __init__(self, simulator: Simulator, adapter: PointsLcpAdapter, base_url: str) -> None:
        self.simulator = simulator
        self.adapter = adapter
        self.base_url = base_url

    def credits(self) -> tuple[Any, ...]:
        return self.simulator.book.rows("credits")

    async def run(self, request: ReservationRequest, until: str = "credit") -> tuple[ReservationRequest, StepResult]:
        """Run the steps in order, carrying along; stops after ``until`` or after the first step that is not OK."""
        for step in self.adapter.steps:
            result = await self.adapter.run_step(step.name, request)
            request = msgspec.structs.replace(request, carried={**request.carried, **result.carried})
            if step.name == until or result.outcome != "ok":
                break
        return request, result

    async def control(self, path: str, **body: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.base_url, trust_env=False) as client:
            answer = await client.post(f"/_simulator{path}", json=body)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found

    async def night(self, business_date: date) -> int:
        settled: int = (await self.control("/night", business_date=business_date.isoformat()))["settled"]
        return settled


def reservation(key: str = KEY, quantity: int = 2000, account: str = "80012345") -> ReservationRequest:
    return ReservationRequest(
        key=key,
        service=Mileage(account=account, quantity=quantity),
        offer_token="",
        price=None,
        traveller=Traveller(),
        requested_at=datetime(2026, 11, 20, 8, 15, tzinfo=UTC),
    )


@asynccontextmanager
async def running(
    deadline_seconds: float = 5.0, simulator: Simulator | None = None, **values: str
) -> AsyncIterator[Partner]:
    simulator = simulator or create_simulator(SimulatorOptions(partner="skyward-miles", values=values))
    manifest = read_manifest(MANIFEST)
    limits = msgspec.structs.replace(manifest.limits, deadline_seconds=deadline_seconds)
    async with serve(simulator) as base_url:
        context = open_context(
            partner="skyward-miles",
            manifest=msgspec.structs.replace(manifest, limits=limits),
            base_url=base_url,
            credentials={"mac_id": Secret(MAC_ID), "mac_key": Secret(MAC_KEY)},
            options=OPTIONS,
            clock=SystemClock(),
        )
        try:
            yield Partner(simulator, create(context), base_url)
        finally:
            await context.client.aclose()


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    async with running() as partner:
        yield partner


@pytest.fixture
async def batch_partner() -> AsyncIterator[Partner]:
    async with running(batch="true") as partner:
        yield partner
