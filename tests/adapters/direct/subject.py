"""Our own partner contract as a subject of the conformance kit."""

from __future__ import annotations

from datetime import date
from typing import Any

from adapters.direct.simulator import create_simulator
from adapters.sdk.records import OfferRequest, ReservationRequest, Traveller, Visit
from adapters.sdk.registry import discover
from adapters.sdk.testing.bench import Subject, requested_at
from adapters.sdk.testing.simulator import Simulator
from config.clock import SystemClock

CREDENTIALS = {"client_id": "simulator", "client_secret": "simulator-secret"}
VISIT = Visit(airport="PVG", lounge_id="skyhub-pvg-t2", visit_date=date(2026, 11, 22), guests=1)


async def make_request(adapter: Any, key: str, service: Visit = VISIT) -> ReservationRequest:
    """Take the first offer of a visit."""
    (offer,) = await adapter.quote_offers(OfferRequest(service=service, currency="CNY"))
    return ReservationRequest(
        key=key,
        service=service,
        offer_token=offer.token,
        price=offer.price,
        traveller=Traveller(),
        requested_at=requested_at(SystemClock()),
    )


def bookings(simulator: Simulator, key: str) -> int:
    """Count what a key holds."""
    held = simulator.book.get("reservations", key)
    return int(held is not None and held.reservation.status in ("reserved", "used"))


SUBJECT = Subject(
    package=discover().packages["direct"],
    create_simulator=create_simulator,
    make_request=make_request,
    bookings=bookings,
    commit_operation="reserve",
    partner="skyhub-lounge",
    credentials=CREDENTIALS,
)
