"""What the conformance kit needs to know of Mastercard Airport Experience: its granting answer is the card's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from adapters.lounges.mastercard_airport.responses import FINAL, READ, RECOVERABLE
from adapters.lounges.mastercard_airport.simulator import CREDENTIALS, create_simulator
from adapters.lounges.mastercard_airport.simulator_book import AirportBook
from adapters.sdk.codec import encode
from adapters.sdk.records import OfferRequest, OfferSearch, ReservationRequest, Traveller, Visit
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.bench import Subject, requested_at
from adapters.sdk.testing.simulator import Simulator
from config.clock import SystemClock

ACCOUNT = "liu-1988-4321"
CHINA = timedelta(hours=8)


def visit() -> Visit:
    """Make a visit of today, as it is at the lounge."""
    today = (SystemClock().now() + CHINA).date()
    return Visit(airport="PVG", lounge_id="PVG1", visit_date=today, guests=1)


async def make_request(_: Any, key: str) -> ReservationRequest:
    """Ask for a visit of a member with a card."""
    return ReservationRequest(
        key=key,
        service=visit(),
        offer_token="",
        price=None,
        traveller=Traveller(partner_account=ACCOUNT),
        requested_at=requested_at(SystemClock()),
    )


def bookings(simulator: Simulator, _: str) -> int:
    """Count the visits: nothing else is ever granted."""
    assert isinstance(simulator.book, AirportBook)
    return len(simulator.book.visits())


def use(simulator: Simulator, _: ReservationRequest) -> None:
    """Let the member visit the lounge."""
    assert isinstance(simulator.book, AirportBook)
    simulator.book.visit(ACCOUNT, "PVG1", SystemClock().now(), 2)


def refusal(status: int, code: str | None, _: ReservationRequest) -> bytes | None:
    """Write an error as the partner does; one that is neither recoverable nor final says both."""
    if status < 300 or code is None:
        return None
    said = {RECOVERABLE: (True,), FINAL: (False,)}.get(code, (True, False))
    return encode({"Errors": {"Error": [{"ReasonCode": code, "Recoverable": one} for one in said]}})


def create_subject(package: AdapterPackage) -> Subject:
    """Make the subject."""
    return Subject(
        package=package,
        create_simulator=create_simulator,
        make_request=make_request,
        bookings=bookings,
        use=use,
        commit_operation="card",
        commit_answers=READ,
        refusal=refusal,
        credentials=CREDENTIALS,
        offer_request=OfferRequest(service=visit(), currency="CNY", partner_account=ACCOUNT),
        usage_account=ACCOUNT,
        offer_search=OfferSearch(
            service=msgspec.structs.replace(visit(), lounge_id=""), currency="CNY", partner_account=ACCOUNT
        ),
        harmless_modes={
            "wrong_echo": "a GET says nothing that the answer repeats",
            "new_word": "a card has no word for its state: it is answered, or it is not",
            "wrong_amount": "the card's number is the partner's own word; no amount is in the answer",
        },
    )
