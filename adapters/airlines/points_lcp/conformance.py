"""What the conformance kit needs to know of the Points platform."""

from __future__ import annotations

from typing import Any

from adapters.airlines.points_lcp.responses import CREDIT
from adapters.airlines.points_lcp.simulator import MAC_ID, MAC_KEY, create_simulator
from adapters.airlines.points_lcp.webhooks import PATH_SECRET_HEADER
from adapters.sdk.account_records import AccountRequest
from adapters.sdk.codec import encode
from adapters.sdk.records import Mileage, ReservationRequest, Traveller
from adapters.sdk.registry import AdapterPackage
from adapters.sdk.testing.bench import Subject, requested_at
from adapters.sdk.testing.simulator import Simulator
from config.clock import SystemClock
from config.secrets import Secret

PROOF = {"password": Secret("open-sesame")}
MEMBER = AccountRequest(account="80012347", factors=PROOF)
STRANGER = AccountRequest(account="80010000", factors=PROOF)
MILEAGE = {
    "credit": Mileage(account="80012347", quantity=3000),
    "debit": Mileage(account="80012347", quantity=600, direction="debit"),
}
WEBHOOK_SECRET = "simulator-callback-path-of-the-bench"  # noqa: S105 - a published throw-away value


async def make_request(_: Any, key: str) -> ReservationRequest:
    """Ask for miles on an account that the simulator knows."""
    return ReservationRequest(
        key=key,
        service=Mileage(account="80012345", quantity=2000),
        offer_token="",
        price=None,
        traveller=Traveller(),
        requested_at=requested_at(SystemClock()),
    )


def bookings(simulator: Simulator, key: str) -> int:
    """Count the credits of the orders that carry a key."""
    orders = {order.path for order in simulator.book.rows("orders") if order.key == key}
    return sum(credit.order in orders for credit in simulator.book.rows("credits"))


def reversed_points(simulator: Simulator, key: str) -> int:
    """Sum what was taken back of the transactions of a key."""
    orders = {order.path for order in simulator.book.rows("orders") if order.key == key}
    return sum(row.reversed for row in simulator.book.rows("credits") if row.order in orders)


def refusal(status: int, code: str | None, _: ReservationRequest) -> bytes | None:
    """Write an error as the platform does."""
    return None if status < 300 or code is None else encode({"errors": [{"code": code, "description": ""}]})


def callback(simulator: Simulator, _: ReservationRequest) -> tuple[dict[str, str], bytes]:
    """Give the last callback. The platform signs none: the edge hands over the secret of the path it came to."""
    return {PATH_SECRET_HEADER: WEBHOOK_SECRET}, simulator.webhooks.sent[-1][1]


def create_subject(package: AdapterPackage) -> Subject:
    """Make the subject, of a programme that decides at once."""
    return Subject(
        package=package,
        create_simulator=create_simulator,
        make_request=make_request,
        bookings=bookings,
        commit_operation="credit",
        commit_answers=CREDIT,
        refusal=refusal,
        look_up_operations=("get_order", "get_credit"),
        credentials={"mac_id": MAC_ID, "mac_key": MAC_KEY},
        options={
            "loyalty_programme": "skyward",
            "authenticating_factors": ["password"],
            "levels": {"Gold": "gold"},
        },
        account_request=MEMBER,
        stranger=STRANGER,
        mileage=MILEAGE,
        reversed_points=reversed_points,
        harmless_look_up_modes={
            "wrong_echo": "a GET says nothing that the answer could repeat; each link is checked by its own test"
        },
        webhook_secret=WEBHOOK_SECRET,
        callback=callback,
    )
