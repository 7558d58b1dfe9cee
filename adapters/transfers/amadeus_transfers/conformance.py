"""What the conformance kit needs to know of Amadeus transfers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.sdk.codec import encode
from adapters.sdk.records import OfferRequest, OfferSearch, ReservationRequest, Ride, Traveller
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.bench import Subject, requested_at
from adapters.sdk.testing.simulator import Simulator
from adapters.transfers.amadeus_transfers.responses import BOOK
from adapters.transfers.amadeus_transfers.simulator import CREDENTIALS, create_simulator
from adapters.transfers.amadeus_transfers.simulator_book import TransferBook
from config.clock import SystemClock

PLACES = {
    "PVG": {"airport": "PVG", "time_zone": "Asia/Shanghai"},
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
RIDE = Ride(pick_up="PVG", drop_off="Bund", pick_up_at=datetime(2027, 1, 11, 1, 30, tzinfo=UTC), passengers=2)
OFFERS = OfferRequest(service=RIDE, currency="CNY")
TRAVELLER = Traveller(given_name="Wei", family_name="Liu", email="liu.wei@example.cn", phone="+8613900000001")
UNHEARD_CODE = 987_654_321
"""Amadeus' codes are numbers; this is none of them."""


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
    """Count the orders that stand and carry a key."""
    assert isinstance(simulator.book, TransferBook)
    return sum(one.key == key and one.cancelled_at is None for one in simulator.book.orders())


def refusal(status: int, code: str | None, _: ReservationRequest) -> bytes | None:
    """Write an error as Amadeus does."""
    if status < 300 or code is None:
        return None
    return encode({"errors": [{"code": int(code) if code.isdecimal() else UNHEARD_CODE}]})


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
        options={"places": PLACES, "payment_reference": "CLUB-2026"},
        offer_request=OFFERS,
        offer_search=OfferSearch(service=OFFERS.service, currency=OFFERS.currency),
    )
