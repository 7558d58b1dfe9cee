"""What the conformance kit needs to know of a partner on our own contract."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from adapters.direct import wire
from adapters.direct.responses import RESERVE
from adapters.direct.simulator import create_simulator
from adapters.direct.simulator_book import DirectBook
from adapters.direct.simulator_desk import Desk, ReportVisit, refuse
from adapters.sdk.account_records import AccountRequest
from adapters.sdk.codec import encode
from adapters.sdk.records import Mileage, OfferRequest, OfferSearch, ReservationRequest, Traveller, Visit
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.bench import Subject, requested_at
from adapters.sdk.testing.simulator import Simulator
from config.clock import SystemClock
from config.secrets import Secret

CREDENTIALS = {"client_id": "simulator", "client_secret": "simulator-secret"}
WEBHOOK_SECRET = "whsec_2DipUdf/cBcAhl8+1wpzElssI9x93V/Y"  # noqa: S105 - a published throw-away value
VISIT = Visit(airport="PVG", lounge_id="skyhub-pvg-t2", visit_date=date(2026, 11, 22), guests=1)
MEMBER = AccountRequest(account="8800123457", factors={"pin": Secret("246813")})
STRANGER = AccountRequest(account="8800120000", factors={"pin": Secret("246813")})
SEARCH = OfferSearch(service=msgspec.structs.replace(VISIT, lounge_id=""), currency="CNY")
MILEAGE = {
    "credit": Mileage(account=MEMBER.account, quantity=3000),
    "debit": Mileage(account=MEMBER.account, quantity=600, direction="debit"),
}
OFFERS = OfferRequest(service=VISIT, currency="CNY")


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
    return int(held is not None and held.reservation.status in (wire.Status.RESERVED, wire.Status.USED))


def grants(simulator: Simulator, key: str) -> int:
    """Count the tiers that were granted under a key."""
    return sum(grant.key == key for grant in simulator.book.rows("grants"))


def reversed_points(simulator: Simulator, key: str) -> int:
    """Sum what was taken back of a key."""
    return sum(reversal.quantity for reversal in simulator.book.rows("reversals") if reversal.key == key)


def use(simulator: Simulator, request: ReservationRequest) -> None:
    """Let the desk report the visit, which tells it by webhook."""
    assert isinstance(simulator.book, DirectBook)
    Desk(simulator.options, simulator.book, simulator.webhooks).report_visit(ReportVisit(key=request.key, guests=1))


def refusal(status: int, code: str | None, request: ReservationRequest) -> bytes | None:
    """Write a refusal as the contract has it."""
    return None if status < 300 or code is None else encode(refuse(code, request.key))


async def authorise(simulator: Simulator, url: str, account: str) -> str:
    """Answer for a member at the partner's page, and give where his browser is sent."""
    assert isinstance(simulator.book, DirectBook)
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    complaint = simulator.book.links.complaint(query)
    assert complaint is None, complaint
    place: str = simulator.book.links.authorise({**query, "member": account}, f"{parts.scheme}://{parts.netloc}")
    return place


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
        partner="skyhub-lounge",
        credentials=CREDENTIALS,
        offer_request=OFFERS,
        account_request=MEMBER,
        stranger=STRANGER,
        offer_search=SEARCH,
        tier_to_grant="gold",
        grants=grants,
        mileage=MILEAGE,
        reversed_points=reversed_points,
        use=use,
        webhook_secret=WEBHOOK_SECRET,
        authorise=authorise,
    )
