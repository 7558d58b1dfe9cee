"""The conformance kit over the hotel adapter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.hotels.expedia_rapid.adapter import RapidAdapter
from adapters.hotels.expedia_rapid.simulator import CREDENTIALS, create_simulator
from adapters.hotels.expedia_rapid.simulator_book import RapidBook
from adapters.sdk.records import OfferRequest, ReservationRequest
from adapters.sdk.registry import discover
from adapters.sdk.testing.bench import Subject
from adapters.sdk.testing.conformance import Check, checks_for, run_check
from adapters.sdk.testing.simulator import Simulator
from tests.adapters.hotels.expedia_rapid.conftest import OPTIONS, STAY, TRAVELLER


async def make_request(adapter: RapidAdapter, key: str) -> ReservationRequest:
    """Ask for a room that the simulator always has."""
    offer = (await adapter.quote_offers(OfferRequest(service=STAY, currency="CNY")))[0]
    return ReservationRequest(
        key=key,
        service=offer.service,
        offer_token=offer.token,
        price=offer.price,
        traveller=TRAVELLER,
        requested_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
    )


def bookings(simulator: Simulator, key: str) -> int:
    """Count the itineraries that stand under a key."""
    assert isinstance(simulator.book, RapidBook)
    return sum(one.key == key and one.cancelled_at is None for one in simulator.book.itineraries())


SUBJECT = Subject(
    package=discover().packages["hotels.expedia_rapid"],
    create_simulator=create_simulator,
    make_request=make_request,
    bookings=bookings,
    commit_operation="book",
    look_up_operation="retrieve",
    credentials=CREDENTIALS,
    options=OPTIONS,
    reads_back=True,
    harmless_modes={
        "wrong_echo": "the booking's answer repeats nothing of the request; it is read back before it is believed",
        "dup_keys": "a look-up answers a list, in which this fault adds a name that is not there yet",
    },
)


@pytest.mark.parametrize("check", checks_for(SUBJECT), ids=lambda check: check.name)
async def test_rapid_conforms(check: Check) -> None:
    await run_check(check, SUBJECT)
