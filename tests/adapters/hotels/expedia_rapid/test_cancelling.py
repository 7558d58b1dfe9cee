"""Cancelling against the simulated partner, and against answers that it would not give."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from adapters.hotels.expedia_rapid.adapter import RapidAdapter
from adapters.hotels.expedia_rapid.simulator_book import Magic
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import ReservationRequest
from adapters.sdk.testing.simulator import Simulator
from catalogue.values import Money
from tests.adapters.hotels.expedia_rapid.conftest import Answering, checked, requested
from tests.adapters.hotels.expedia_rapid.test_booking import booked
from tests.adapters.hotels.expedia_rapid.test_fixtures import Fixture, load, reservation


async def made(adapter: RapidAdapter, property_id: str = "40010001") -> tuple[ReservationRequest, str]:
    """Book, and answer the request with what it carries and the partner's reference."""
    request = await checked(adapter, await requested(adapter, property_id))
    result = await adapter.run_step("book", request)
    assert result.partner_reference is not None, result
    return msgspec.structs.replace(request, carried={**request.carried, **result.carried}), result.partner_reference


async def test_a_booking_is_cancelled_and_refunded_and_a_repeat_changes_nothing(
    adapter: RapidAdapter, simulator: Simulator
) -> None:
    request, reference = await made(adapter)
    result = await adapter.cancel(request, reference)
    assert (result.outcome, result.code, result.refund) == (Outcome.OK, "204", request.price)
    assert [stands for _, stands in booked(simulator)] == [False]
    assert (await adapter.look_up(request)).answer is LookUpAnswer.CANCELLED
    again = await adapter.cancel(request, reference)
    assert (again.outcome, again.code) == (Outcome.OK, "already_cancelled")
    assert simulator.counts["cancel"] == 1


async def test_an_accepted_cancel_is_ok_only_once_it_is_seen(adapter: RapidAdapter, simulator: Simulator) -> None:
    """Source: deleteRoom 202, state unknown, retrieve to verify (Rapid v3 OpenAPI file, read 2026-11-22)."""
    request, reference = await made(adapter, Magic.CANCEL_ACCEPTED_AND_DONE)
    result = await adapter.cancel(request, reference)
    assert (result.outcome, result.code) == (Outcome.OK, "202")
    assert [stands for _, stands in booked(simulator)] == [False]


async def test_an_accepted_cancel_that_is_not_seen_is_unknown(adapter: RapidAdapter, simulator: Simulator) -> None:
    request, reference = await made(adapter, Magic.CANCEL_ACCEPTED_AND_LOST)
    result = await adapter.cancel(request, reference)
    assert (result.outcome, result.code, result.refund) == (Outcome.UNKNOWN, "202", None)
    assert [stands for _, stands in booked(simulator)] == [True]


@pytest.mark.parametrize("mode", ["commit_then_reset", "error_500_after_commit", "commit_then_hang"])
async def test_a_lost_cancel_is_read_back(adapter: RapidAdapter, simulator: Simulator, mode: str) -> None:
    request, reference = await made(adapter)
    simulator.faults.plan("cancel", mode)
    assert (await adapter.cancel(request, reference)).outcome is Outcome.OK
    assert [stands for _, stands in booked(simulator)] == [False]


async def test_a_cancel_that_never_arrived_is_unknown_and_its_repeat_cancels(
    adapter: RapidAdapter, simulator: Simulator
) -> None:
    request, reference = await made(adapter)
    simulator.faults.plan("cancel", "error_500_before")
    assert (await adapter.cancel(request, reference)).outcome is Outcome.UNKNOWN
    assert (await adapter.cancel(request, reference)).outcome is Outcome.OK


@pytest.mark.parametrize("reference", ["8990000000009", "../../files", "", "8990000000009?email=x"])
async def test_another_reference_cancels_nothing(adapter: RapidAdapter, simulator: Simulator, reference: str) -> None:
    request, _ = await made(adapter)
    assert (await adapter.cancel(request, reference)).outcome is Outcome.UNKNOWN
    assert [stands for _, stands in booked(simulator)] == [True]
    assert simulator.counts["cancel"] == 0


def _shown(**room: Any) -> httpx.Response:
    """The booked itinerary of the fixtures, its room changed."""
    fixture = load("look_up_booked")
    body = msgspec.json.decode(msgspec.json.encode(fixture.body[0]))
    body["rooms"][0] |= room
    return msgspec.structs.replace(fixture, body=body).response(0)


def _refused(status: int, code: str | None) -> httpx.Response:
    body = {"type": code} if code else None
    return Fixture(source="x", operation="cancel", status=status, expect={}, body=body).response(0)


REFUSALS = [
    (400, "link.invalid", Outcome.NO),
    (401, "request_unauthenticated", Outcome.NO),
    (403, "request_unauthorized", Outcome.NO),
    (426, "upgrade_required", Outcome.NO),
    (429, "too_many_requests", Outcome.BUSY),
]


@pytest.mark.parametrize(("status", "code", "outcome"), REFUSALS)
async def test_a_documented_refusal_leaves_the_booking(
    answering: Answering, status: int, code: str, outcome: Outcome
) -> None:
    result = await answering(_shown(), _refused(status, code)).cancel(reservation(), "8990000000001")
    assert (result.outcome, result.code) == (outcome, code)


@pytest.mark.parametrize(("status", "code"), [(404, "resource_not_found"), (500, None), (409, "other"), (200, None)])
async def test_any_other_answer_is_read_back_before_it_is_believed(
    answering: Answering, status: int, code: str | None
) -> None:
    cancelled = answering(_shown(), _refused(status, code), _shown(status="canceled", links={}))
    assert (await cancelled.cancel(reservation(), "8990000000001")).outcome is Outcome.OK
    standing = answering(_shown(), _refused(status, code), _shown())
    assert (await standing.cancel(reservation(), "8990000000001")).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "links", [{}, {"cancel": {"method": "DELETE", "href": "/v3/itineraries/8990000000001?token=QQ"}}]
)
async def test_a_room_without_a_link_of_its_own_cannot_be_cancelled(answering: Answering, links: Any) -> None:
    result = await answering(_shown(links=links)).cancel(reservation(), "8990000000001")
    assert (result.outcome, result.code) == (Outcome.NO, "not_cancellable")


async def test_the_refund_is_what_the_partner_announced(answering: Answering) -> None:
    adapter = answering(_shown(), _refused(204, None))
    assert (await adapter.cancel(reservation(), "8990000000001")).refund == Money(129_000, "CNY")


async def test_an_itinerary_of_another_key_is_not_cancelled(answering: Answering) -> None:
    other = msgspec.structs.replace(reservation(), key="another-key")
    result = await answering(_shown()).cancel(other, "8990000000001")
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "wrong_echo")


async def test_an_itinerary_of_another_number_is_not_cancelled(answering: Answering) -> None:
    result = await answering(_shown()).cancel(reservation(), "8990000000002")
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "another_itinerary")


async def test_a_look_up_holds_the_number_that_the_booking_gave(answering: Answering) -> None:
    request = reservation()
    moved = msgspec.structs.replace(request, carried={**request.carried, "itinerary_id": "8990000000002"})
    found = await answering(load("look_up_booked").response(0)).look_up(moved)
    assert (found.answer, found.code) == (LookUpAnswer.UNKNOWN, "another_itinerary")
