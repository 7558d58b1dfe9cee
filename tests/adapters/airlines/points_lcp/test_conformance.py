"""The conformance kit over this adapter, answering at once and in the nightly batch."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adapters.airlines.points_lcp.simulator import MAC_ID, MAC_KEY, create_simulator
from adapters.sdk.records import ReservationRequest
from adapters.sdk.registry import discover
from adapters.sdk.testing.bench import Subject
from adapters.sdk.testing.conformance import Check, checks_for, run_check
from adapters.sdk.testing.simulator import Simulator
from tests.adapters.airlines.points_lcp.conftest import OPTIONS, reservation

NO_ECHO = {"wrong_echo": "a GET says nothing that the answer could repeat; each link is checked by its own test"}


async def make_request(_: Any, key: str) -> ReservationRequest:
    return reservation(key=key)


def bookings(simulator: Simulator, key: str) -> int:
    orders = {order.path for order in simulator.book.rows("orders") if order.key == key}
    return sum(credit.order in orders for credit in simulator.book.rows("credits"))


SUBJECT = Subject(
    package=discover().packages["airlines.points_lcp"],
    create_simulator=create_simulator,
    make_request=make_request,
    bookings=bookings,
    commit_operation="credit",
    look_up_operation="get_credit",
    credentials={"mac_id": MAC_ID, "mac_key": MAC_KEY},
    options=OPTIONS,
)
LOOKING_UP = msgspec.structs.replace(SUBJECT, harmless_modes=NO_ECHO)
AT_NIGHT = msgspec.structs.replace(SUBJECT, values={"batch": "true"})
BY_ORDER = msgspec.structs.replace(LOOKING_UP, look_up_operation="get_order")


def subject_of(check: Check) -> Subject:
    return LOOKING_UP if check.name.startswith("look_up") else SUBJECT


@pytest.mark.parametrize("check", checks_for(SUBJECT), ids=lambda check: check.name)
async def test_it_conforms(check: Check) -> None:
    await run_check(check, subject_of(check))


@pytest.mark.parametrize(
    "check",
    [check for check in checks_for(SUBJECT) if check.name.startswith(("honest", "lost", "unknown"))],
    ids=lambda check: check.name,
)
async def test_it_conforms_in_the_nightly_batch(check: Check) -> None:
    await run_check(check, AT_NIGHT)


@pytest.mark.parametrize(
    "check",
    [check for check in checks_for(SUBJECT) if check.name.startswith("look_up")],
    ids=lambda check: check.name,
)
async def test_a_spoilt_order_misleads_no_look_up(check: Check) -> None:
    await run_check(check, BY_ORDER)
