"""What the conformance kit needs to know of Expedia Rapid."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from adapters.hotels.expedia_rapid.responses import BOOK
from adapters.hotels.expedia_rapid.simulator import CREDENTIALS, create_simulator
from adapters.hotels.expedia_rapid.simulator_book import RapidBook
from adapters.sdk.codec import encode
from adapters.sdk.records import OfferRequest, OfferSearch, ReservationRequest, Stay, Traveller
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.bench import Subject, requested_at
from adapters.sdk.testing.simulator import Simulator
from config.clock import SystemClock

OPTIONS = {
    "customer_ip": "203.0.113.7",
    "billing_given_name": "Club",
    "billing_family_name": "Treasury",
    "cities": {"SHA": ["40010001", "40010002"]},
}
STAY = Stay(check_in_date=date(2026, 12, 1), check_out_date=date(2026, 12, 3), property_id="40010001", adults=2)
OFFERS = OfferRequest(service=STAY, currency="CNY")
SEARCH = OfferSearch(service=msgspec.structs.replace(STAY, property_id=None, city="SHA"), currency="CNY")
TRAVELLER = Traveller(given_name="Wei", family_name="Liu", email="liu.wei@example.cn", phone="+8613900000001")


async def make_request(adapter: Any, key: str) -> ReservationRequest:
    """Ask for a room that the simulator always has."""
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
    """Count the itineraries that stand under a key."""
    assert isinstance(simulator.book, RapidBook)
    return sum(one.key == key and one.cancelled_at is None for one in simulator.book.itineraries())


def refusal(status: int, code: str | None, _: ReservationRequest) -> bytes | None:
    """Write an error as Rapid does."""
    return None if status < 300 or code is None else encode({"type": code, "message": ""})


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
        look_up_operations=("retrieve",),
        credentials=CREDENTIALS,
        options=OPTIONS,
        reads_back=True,
        offer_request=OFFERS,
        offer_search=SEARCH,
        harmless_modes={
            "wrong_echo": "the booking's answer repeats nothing of the request; it is read back before it is believed",
            "new_word": "the booking's answer has no word for what became of it; the reservation that is read back has",
        },
        harmless_look_up_modes={
            "wrong_echo": "the key is in the query, which the fault does not look for; each echo has its own test",
            "dup_keys": "a look-up answers a list, in which this fault adds a name that is not there yet",
        },
    )
