"""The conformance kit over the lounge adapter, whose granting answer is that of the card."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.lounges.mastercard_airport.simulator import CREDENTIALS, create_simulator
from adapters.lounges.mastercard_airport.simulator_book import AirportBook
from adapters.sdk.records import ReservationRequest
from adapters.sdk.registry import discover
from adapters.sdk.testing.bench import Subject
from adapters.sdk.testing.conformance import Check, checks_for, run_check
from adapters.sdk.testing.simulator import Simulator
from config.clock import SystemClock
from tests.adapters.lounges.mastercard_airport.conftest import ACCOUNT, reservation


async def make_request(_: Any, key: str) -> ReservationRequest:
    return reservation(key=key)


def bookings(simulator: Simulator, _: str) -> int:
    assert isinstance(simulator.book, AirportBook)
    return len(simulator.book.visits())


def use(simulator: Simulator, _: ReservationRequest) -> None:
    assert isinstance(simulator.book, AirportBook)
    simulator.book.visit(ACCOUNT, "PVG1", SystemClock().now(), 2)


SUBJECT = Subject(
    package=discover().packages["lounges.mastercard_airport"],
    create_simulator=create_simulator,
    make_request=make_request,
    bookings=bookings,
    use=use,
    commit_operation="card",
    credentials=CREDENTIALS,
    harmless_modes={
        "wrong_echo": "a GET says nothing that the answer repeats",
        "wrong_amount": "the card's number is the partner's own word; no amount is in the answer",
    },
)


@pytest.mark.parametrize("check", checks_for(SUBJECT), ids=lambda check: check.name)
async def test_it_conforms(check: Check) -> None:
    await run_check(check, SUBJECT)
