"""The adapter against the simulated partner over real HTTP, and against answers that a simulator would not give."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from adapters.sdk.context import open_context
from adapters.sdk.manifest import read_manifest
from adapters.sdk.records import OfferRequest, ReservationRequest, Ride, StepResult, Traveller
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, serve
from adapters.transfers import amadeus_transfers
from adapters.transfers.amadeus_transfers import create
from adapters.transfers.amadeus_transfers.adapter import AmadeusTransfersAdapter
from adapters.transfers.amadeus_transfers.simulator import CREDENTIALS, create_simulator
from adapters.transfers.amadeus_transfers.simulator_book import TransferBook
from config.clock import SystemClock
from config.secrets import Secret

PARTNER = "amadeus-transfers"
MANIFEST = read_manifest(Path(amadeus_transfers.__file__).parent / "manifest.toml")
PLACES = {
    "PVG": {"airport": "PVG", "time_zone": "Asia/Shanghai"},
    "CDG": {"airport": "CDG", "time_zone": "Europe/Paris"},
    "Bund": {
        "time_zone": "Asia/Shanghai",
        "name": "The Bund",
        "line": "1 Zhongshan East Road",
        "zip": "200002",
        "city": "Shanghai",
        "country_code": "CN",
        "geo_code": "31.2397,121.4900",
    },
}
OPTIONS = {"places": PLACES, "payment_reference": "CLUB-2026"}
RIDE = Ride(pick_up="PVG", drop_off="Bund", pick_up_at=datetime(2027, 1, 11, 1, 30, tzinfo=UTC), passengers=2)
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

    def __init__(self, simulator: Simulator, adapter: AmadeusTransfersAdapter, address: str) -> None:
        self.simulator = simulator
        self.adapter = adapter
        self.address = address

    @property
    def book(self) -> TransferBook:
        assert isinstance(self.simulator.book, TransferBook)
        return self.simulator.book

    async def run(self, request: ReservationRequest) -> tuple[ReservationRequest, StepResult]:
        """Book, and give the request as it is carried on."""
        result = await self.adapter.run_step("book", request)
        return msgspec.structs.replace(request, carried={**request.carried, **result.carried}), result


def at_minute(minute: int) -> Ride:
    """A ride that begins at a minute of the hour."""
    return msgspec.structs.replace(RIDE, pick_up_at=RIDE.pick_up_at.replace(minute=minute))


async def requested(adapter: AmadeusTransfersAdapter, ride: Ride = RIDE, key: str = KEY) -> ReservationRequest:
    """Choose the first offer, as a redemption would."""
    offer = (await adapter.quote_offers(OfferRequest(service=ride, currency="CNY")))[0]
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
