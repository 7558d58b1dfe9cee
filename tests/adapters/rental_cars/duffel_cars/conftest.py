"""The adapter against the simulated partner over real HTTP, and against answers that a simulator would not give."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from adapters.rental_cars import duffel_cars
from adapters.rental_cars.duffel_cars import create
from adapters.rental_cars.duffel_cars.adapter import DuffelCarsAdapter
from adapters.rental_cars.duffel_cars.simulator import CREDENTIALS, create_simulator
from adapters.rental_cars.duffel_cars.simulator_book import CarsBook, Magic
from adapters.sdk.context import open_context
from adapters.sdk.manifest import read_manifest
from adapters.sdk.records import OfferRequest, Rental, ReservationRequest, StepResult, Traveller
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, serve
from config.clock import SystemClock
from config.secrets import Secret

PARTNER = "duffel-cars"
MANIFEST = read_manifest(Path(duffel_cars.__file__).parent / "manifest.toml")
STATIONS = {
    "PVG": {"latitude": 31.15, "longitude": 121.81, "time_zone": "Asia/Shanghai"},
    "LHR": {"latitude": 51.47, "longitude": -0.45, "time_zone": "Europe/London", "radius": 2},
} | {magic.name: {"latitude": float(magic), "longitude": 0.0, "time_zone": "Asia/Shanghai"} for magic in Magic}
OPTIONS = {"stations": STATIONS}
RENTAL = Rental(
    pick_up_station="PVG",
    drop_off_station="PVG",
    pick_up_at=datetime(2027, 1, 11, 1, 30, tzinfo=UTC),
    drop_off_at=datetime(2027, 1, 13, 9, 0, tzinfo=UTC),
    driver_birth_date=date(1988, 1, 12),
)
TRAVELLER = Traveller(given_name="Wei", family_name="Liu", email="liu.wei@example.cn", phone="+8613900000001")
KEY = "rdm_01jd5v0w4ze6r8t2y4u6i8o0pa"


class TestClock(SystemClock):
    """The machine's clock, moved forward by hand."""

    __test__ = False

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


class Partner:
    """A running simulator and the adapter that speaks to it."""

    def __init__(self, simulator: Simulator, adapter: DuffelCarsAdapter, address: str) -> None:
        self.simulator = simulator
        self.adapter = adapter
        self.address = address

    @property
    def book(self) -> CarsBook:
        assert isinstance(self.simulator.book, CarsBook)
        return self.simulator.book

    async def run(self, request: ReservationRequest, until: str = "book") -> tuple[ReservationRequest, StepResult]:
        """Run the steps in order, carrying along; stops after ``until`` or after the first step that is not OK."""
        for step in self.adapter.steps:
            result = await self.adapter.run_step(step.name, request)
            request = msgspec.structs.replace(request, carried={**request.carried, **result.carried})
            if step.name == until or result.outcome != "ok":
                break
        return request, result


async def requested(adapter: DuffelCarsAdapter, station: str = "PVG", key: str = KEY) -> ReservationRequest:
    """Choose the first offer at a station, as a redemption would."""
    rental = msgspec.structs.replace(RENTAL, pick_up_station=station, drop_off_station=station)
    offer = (await adapter.quote_offers(OfferRequest(service=rental, currency="CNY")))[0]
    return ReservationRequest(
        key=key,
        service=offer.service,
        offer_token=offer.token,
        price=offer.price,
        traveller=TRAVELLER,
        requested_at=datetime(2026, 11, 28, 10, tzinfo=UTC),
    )


@asynccontextmanager
async def running(
    deadline_seconds: float = 5.0, clock: SystemClock | None = None, simulator: Simulator | None = None
) -> AsyncIterator[Partner]:
    clock = clock or SystemClock()
    simulator = simulator or create_simulator(SimulatorOptions(partner=PARTNER, seed=7, clock=clock))
    limits = msgspec.structs.replace(MANIFEST.limits, deadline_seconds=deadline_seconds)
    async with serve(simulator) as address:
        context = open_context(
            partner=PARTNER,
            manifest=msgspec.structs.replace(MANIFEST, limits=limits),
            base_url=address,
            credentials={name: Secret(value) for name, value in CREDENTIALS.items()},
            options=OPTIONS,
            clock=clock,
        )
        try:
            yield Partner(simulator, create(context), address)
        finally:
            await context.client.aclose()


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    async with running() as partner:
        yield partner
