"""What the conformance kit needs to know of Duffel Cars."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from adapters.rental_cars.duffel_cars.responses import BOOK
from adapters.rental_cars.duffel_cars.simulator import CREDENTIALS, create_simulator
from adapters.rental_cars.duffel_cars.simulator_book import CarsBook
from adapters.sdk.codec import encode
from adapters.sdk.records import OfferRequest, OfferSearch, Rental, ReservationRequest, Traveller
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.bench import Subject, requested_at
from adapters.sdk.testing.simulator import Simulator
from config.clock import SystemClock

OPTIONS = {"stations": {"PVG": {"latitude": 31.15, "longitude": 121.81, "time_zone": "Asia/Shanghai"}}}
RENTAL = Rental(
    pick_up_station="PVG",
    drop_off_station="PVG",
    pick_up_at=datetime(2027, 1, 11, 1, 30, tzinfo=UTC),
    drop_off_at=datetime(2027, 1, 13, 9, 0, tzinfo=UTC),
    driver_birth_date=date(1988, 1, 12),
)
OFFERS = OfferRequest(service=RENTAL, currency="CNY")
TRAVELLER = Traveller(given_name="Wei", family_name="Liu", email="liu.wei@example.cn", phone="+8613900000001")
WEBHOOK_SECRET = "callback-secret-of-the-bench"  # noqa: S105 - a published throw-away value


async def make_request(adapter: Any, key: str) -> ReservationRequest:
    """Choose the first offer, as a redemption would."""
    offer = (await adapter.quote_offers(OFFERS))[0]
    return ReservationRequest(
        key=key,
        service=offer.service,
        offer_token=offer.token,
        price=offer.price,
        traveller=TRAVELLER,
        requested_at=requested_at(SystemClock()),
    )


def bookings(simulator: Simulator, key: str) -> int:
    """Count the bookings that stand and carry a key."""
    assert isinstance(simulator.book, CarsBook)
    return sum(one.key == key and one.cancelled_at is None for one in simulator.book.bookings())


def refusal(status: int, code: str | None, _: ReservationRequest) -> bytes | None:
    """Write an error as Duffel does."""
    return None if status < 300 or code is None else encode({"errors": [{"type": "any", "code": code}]})


def create_subject(package: AdapterPackage) -> Subject:
    """Make the subject."""
    return Subject(
        package=package,
        create_simulator=create_simulator,
        make_request=make_request,
        bookings=bookings,
        commit_operation="book",
        commit_answers=BOOK,
        refusal=refusal,
        credentials=CREDENTIALS,
        options=OPTIONS,
        offer_request=OFFERS,
        offer_search=OfferSearch(service=OFFERS.service, currency=OFFERS.currency),
        webhook_secret=WEBHOOK_SECRET,
    )
