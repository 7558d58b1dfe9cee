"""What the conformance kit needs to know of this partner: ``gateway adapter check valet``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.sdk.codec import encode
from adapters.sdk.records import OfferRequest, ReservationRequest, Ride, Traveller
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.bench import Subject, requested_at
from adapters.sdk.testing.simulator import Simulator
from config.clock import SystemClock
from valet_adapter import wire
from valet_adapter.mapping import RESERVE
from valet_adapter.simulator import create_simulator

RIDE = Ride(pick_up="PVG", drop_off="Bund", pick_up_at=datetime(2026, 12, 1, 4, 0, tzinfo=UTC), passengers=2)
OFFERS = OfferRequest(service=RIDE, currency="CNY")


async def make_request(adapter: Any, key: str) -> ReservationRequest:
    """Take the offer of a ride."""
    (offer,) = await adapter.quote_offers(OFFERS)
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
    return int(held is not None and held.job.state is wire.State.OPEN)


def refusal(status: int, code: str | None, request: ReservationRequest) -> bytes | None:
    """Write a refusal as the partner does."""
    return None if status < 300 or code is None else encode(wire.Fault(code, request.key))


def create_subject(package: AdapterPackage) -> Subject:
    """Make the subject."""
    return Subject(
        package=package,
        create_simulator=create_simulator,
        make_request=make_request,
        bookings=bookings,
        commit_operation="reserve",
        commit_answers=RESERVE,
        refusal=refusal,
        partner="valet",
        credentials={"api_key": "valet-simulator-key"},
        offer_request=OFFERS,
    )
