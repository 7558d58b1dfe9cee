"""The adapter against the simulated partner over real HTTP, and against answers that a simulator would not give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from adapters.lounges import mastercard_airport
from adapters.lounges.mastercard_airport import create, simulator
from adapters.lounges.mastercard_airport.adapter import MastercardAirportAdapter
from adapters.lounges.mastercard_airport.simulator import CREDENTIALS, create_simulator
from adapters.lounges.mastercard_airport.simulator_book import AirportBook
from adapters.sdk import oauth1
from adapters.sdk.context import open_context
from adapters.sdk.manifest import read_manifest
from adapters.sdk.records import ReservationRequest, StepResult, Traveller, Visit
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, serve
from config.clock import SystemClock
from config.secrets import Secret

PARTNER = "mastercard-airport"
MANIFEST = read_manifest(Path(mastercard_airport.__file__).parent / "manifest.toml")
ACCOUNT = "liu-1988-4321"
CHINA = timedelta(hours=8)
TODAY = (datetime.now(UTC) + CHINA).date()
VISIT = Visit(airport="PVG", lounge_id="PVG1", visit_date=TODAY, guests=1)
KEY = "rdm_01jd5v0w4ze6r8t2y4u6i8o0pa"


@pytest.fixture(scope="module", autouse=True)
def one_key() -> Iterator[None]:
    """Read the throw-away key once: checking it takes a tenth of a second."""
    key = oauth1.read_private_key(Secret(CREDENTIALS["private_key"]))
    with pytest.MonkeyPatch.context() as patch:
        for module in (oauth1, simulator):
            patch.setattr(module, "read_private_key", lambda _: key)
        yield


class TestClock(SystemClock):
    """The machine's clock, moved forward by hand."""

    __test__ = False

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


class Partner:
    """A running simulator and the adapter that speaks to it."""

    def __init__(self, simulator: Simulator, adapter: MastercardAirportAdapter, address: str) -> None:
        self.simulator = simulator
        self.adapter = adapter
        self.address = address

    @property
    def book(self) -> AirportBook:
        assert isinstance(self.simulator.book, AirportBook)
        return self.simulator.book

    async def run(self, request: ReservationRequest) -> tuple[ReservationRequest, StepResult]:
        """Run the steps in order, carrying along; stops after the first step that is not OK."""
        for step in self.adapter.steps:
            result = await self.adapter.run_step(step.name, request)
            request = msgspec.structs.replace(request, carried={**request.carried, **result.carried})
            if result.outcome != "ok":
                break
        return request, result


def reservation(visit: Visit = VISIT, account: str | None = ACCOUNT, key: str = KEY) -> ReservationRequest:
    return ReservationRequest(
        key=key,
        service=visit,
        offer_token="",
        price=None,
        traveller=Traveller(partner_account=account),
        requested_at=datetime.now(UTC),
    )


@asynccontextmanager
async def running(
    deadline_seconds: float = 5.0, clock: SystemClock | None = None, simulated: Simulator | None = None
) -> AsyncIterator[Partner]:
    running = simulated or create_simulator(SimulatorOptions(partner=PARTNER))
    limits = msgspec.structs.replace(MANIFEST.limits, deadline_seconds=deadline_seconds)
    async with serve(running) as address:
        context = open_context(
            partner=PARTNER,
            manifest=msgspec.structs.replace(MANIFEST, limits=limits),
            base_url=address,
            credentials={name: Secret(value) for name, value in CREDENTIALS.items()},
            options={},
            clock=clock or SystemClock(),
        )
        try:
            yield Partner(running, create(context), address)
        finally:
            await context.client.aclose()


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    async with running() as partner:
        yield partner
