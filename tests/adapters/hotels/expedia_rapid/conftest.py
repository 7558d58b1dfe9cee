"""The adapter against the simulated partner over real HTTP, and against answers that a simulator would not give."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from adapters.hotels.expedia_rapid import create
from adapters.hotels.expedia_rapid.adapter import RapidAdapter
from adapters.hotels.expedia_rapid.simulator import CREDENTIALS, create_simulator
from adapters.sdk.context import open_context
from adapters.sdk.manifest import Manifest, read_manifest
from adapters.sdk.records import Offer, OfferRequest, ReservationRequest, Stay, Traveller
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, serve
from config.clock import Clock, SystemClock
from config.secrets import Secret

PARTNER = "expedia-rapid"
OPTIONS = {
    "customer_ip": "203.0.113.7",
    "billing_given_name": "Club",
    "billing_family_name": "Treasury",
    "cities": {"SHA": ["40010001", "40010002"]},
}
STAY = Stay(check_in_date=date(2026, 12, 1), check_out_date=date(2026, 12, 3), property_id="40010001", adults=2)
TRAVELLER = Traveller(given_name="Wei", family_name="Liu", email="liu.wei@example.cn", phone="+8613900000001")
KEY = "01jd5v0w4ze6r8t2y4u6i8o0pa"
QUICK_SECONDS = 1.5
"""Deadline of every call in tests of a partner that hangs."""


class TestClock(SystemClock):
    """The machine's clock, moved forward by hand."""

    __test__ = False

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def manifest() -> Manifest:
    folder = Path(create.__code__.co_filename).parent
    return read_manifest(folder / "manifest.toml")


@pytest.fixture
def simulator(clock: TestClock) -> Simulator:
    return create_simulator(SimulatorOptions(partner=PARTNER, seed=7, clock=clock))


@pytest.fixture
async def base_url(simulator: Simulator) -> AsyncIterator[str]:
    async with serve(simulator) as address:
        yield address


@asynccontextmanager
async def connected(base_url: str, manifest: Manifest, clock: Clock) -> AsyncIterator[RapidAdapter]:
    """Connect an adapter as it is wired, with short deadlines."""
    limits = msgspec.structs.replace(manifest.limits, deadline_seconds=QUICK_SECONDS)
    context = open_context(
        partner=PARTNER,
        manifest=msgspec.structs.replace(manifest, limits=limits),
        base_url=base_url,
        credentials={name: Secret(value) for name, value in CREDENTIALS.items()},
        options=OPTIONS,
        clock=clock,
    )
    yield create(context)
    await context.client.aclose()


@pytest.fixture
async def adapter(base_url: str, manifest: Manifest, clock: TestClock) -> AsyncIterator[RapidAdapter]:
    """The adapter, connected to the simulated partner."""
    async with connected(base_url, manifest, clock) as adapter:
        yield adapter


Answering = Callable[..., RapidAdapter]


@pytest.fixture
async def answering(manifest: Manifest, clock: TestClock) -> AsyncIterator[Answering]:
    """Make an adapter whose partner gives these answers, one call after the other; requests are kept on it."""
    clients: list[httpx.AsyncClient] = []

    def make(*answers: httpx.Response) -> RapidAdapter:
        waiting = list(answers)

        def answer(request: httpx.Request) -> httpx.Response:
            return waiting.pop(0)

        http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        clients.append(http)
        context = open_context(
            partner=PARTNER,
            manifest=manifest,
            base_url="https://rapid.test",
            credentials={name: Secret(value) for name, value in CREDENTIALS.items()},
            options=OPTIONS,
            clock=clock,
            http=http,
        )
        return create(context)

    yield make
    for http in clients:
        await http.aclose()


async def offered(adapter: RapidAdapter, stay: Stay = STAY, tier: str | None = None) -> tuple[Offer, ...]:
    return await adapter.quote_offers(OfferRequest(service=stay, currency="CNY", partner_tier=tier))


async def requested(adapter: RapidAdapter, property_id: str = "40010001", key: str = KEY) -> ReservationRequest:
    """Choose the first offer of a property, as a redemption would."""
    stay = msgspec.structs.replace(STAY, property_id=property_id)
    offer = (await offered(adapter, stay))[0]
    return ReservationRequest(
        key=key,
        service=offer.service,
        offer_token=offer.token,
        price=offer.price,
        traveller=TRAVELLER,
        requested_at=datetime.fromisoformat("2026-11-22T10:00:00+00:00"),
    )


async def checked(adapter: RapidAdapter, request: ReservationRequest) -> ReservationRequest:
    """Make the first step and carry on what it carries."""
    result = await adapter.run_step("price_check", request)
    assert result.outcome == "ok", result
    return msgspec.structs.replace(request, carried={**request.carried, **result.carried})
