"""The conformance kit over the transfer adapter."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.sdk.records import ReservationRequest
from adapters.sdk.registry import discover
from adapters.sdk.testing.bench import Subject
from adapters.sdk.testing.conformance import Check, checks_for, run_check
from adapters.sdk.testing.simulator import Simulator
from adapters.transfers.amadeus_transfers.simulator import CREDENTIALS, create_simulator
from adapters.transfers.amadeus_transfers.simulator_book import TransferBook
from tests.adapters.transfers.amadeus_transfers.conftest import OPTIONS, requested


async def make_request(adapter: Any, key: str) -> ReservationRequest:
    return await requested(adapter, key=key)


def bookings(simulator: Simulator, key: str) -> int:
    assert isinstance(simulator.book, TransferBook)
    return sum(one.key == key and one.cancelled_at is None for one in simulator.book.orders())


SUBJECT = Subject(
    package=discover().packages["transfers.amadeus_transfers"],
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
