"""The plug-in's own test: the gateway's conformance kit, over the plug-in's simulator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from valet_adapter.simulator import create_simulator

from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import OfferRequest, ReservationRequest, Ride, Traveller
from adapters.sdk.registry import discover
from adapters.sdk.testing.bench import Subject, open_bench, requested_at
from adapters.sdk.testing.conformance import Check, checks_for, run_check
from adapters.sdk.testing.simulator import Simulator
from config.clock import SystemClock

RIDE = Ride(pick_up="PVG", drop_off="Bund", pick_up_at=datetime(2026, 12, 1, 4, 0, tzinfo=UTC), passengers=2)


async def make_request(adapter: Any, key: str) -> ReservationRequest:
    """Take the offer of a ride."""
    (offer,) = await adapter.quote_offers(OfferRequest(service=RIDE, currency="CNY"))
    return ReservationRequest(
        key=key,
        service=RIDE,
        offer_token=offer.token,
        price=offer.price,
        traveller=Traveller(),
        requested_at=requested_at(SystemClock()),
    )


def bookings(simulator: Simulator, key: str) -> int:
    """Count what a key holds."""
    held = simulator.book.get("jobs", key)
    return int(held is not None and held.job.state == "open")


SUBJECT = Subject(
    package=discover().packages["valet"],
    create_simulator=create_simulator,
    make_request=make_request,
    bookings=bookings,
    commit_operation="reserve",
    partner="valet",
    credentials={"api_key": "valet-simulator-key"},
)


@pytest.mark.parametrize("check", checks_for(SUBJECT), ids=lambda check: check.name)
async def test_it_conforms(check: Check) -> None:
    """Every check that the declared capabilities call for."""
    await run_check(check, SUBJECT)


async def test_a_place_without_drivers_is_refused() -> None:
    """A documented refusal is a NO."""
    async with open_bench(SUBJECT) as bench:
        request = await bench.request("nowhere")
        nowhere = msgspec.structs.replace(RIDE, pick_up="nowhere at all")
        result = await bench.reserve(msgspec.structs.replace(request, service=nowhere))
        assert (result.outcome, result.code) == (Outcome.NO, "no_driver")
