"""The conformance kit over the rental-car adapter."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.rental_cars.duffel_cars.simulator import CREDENTIALS, create_simulator
from adapters.rental_cars.duffel_cars.simulator_book import CarsBook
from adapters.sdk.records import ReservationRequest
from adapters.sdk.registry import discover
from adapters.sdk.testing.bench import Subject
from adapters.sdk.testing.conformance import Check, checks_for, run_check
from adapters.sdk.testing.simulator import Simulator
from tests.adapters.rental_cars.duffel_cars.conftest import OPTIONS, requested


async def make_request(adapter: Any, key: str) -> ReservationRequest:
    return await requested(adapter, key=key)


def bookings(simulator: Simulator, key: str) -> int:
    assert isinstance(simulator.book, CarsBook)
    return sum(one.key == key and one.cancelled_at is None for one in simulator.book.bookings())


SUBJECT = Subject(
    package=discover().packages["rental_cars.duffel_cars"],
    create_simulator=create_simulator,
    make_request=make_request,
    bookings=bookings,
    commit_operation="book",
    credentials=CREDENTIALS,
    options=OPTIONS,
)


@pytest.mark.parametrize("check", checks_for(SUBJECT), ids=lambda check: check.name)
async def test_it_conforms(check: Check) -> None:
    await run_check(check, SUBJECT)
