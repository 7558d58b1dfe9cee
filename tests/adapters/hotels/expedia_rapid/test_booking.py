"""Booking, looking up and cancelling against the simulated partner over real HTTP."""

from __future__ import annotations

import msgspec
import pytest

from adapters.hotels.expedia_rapid.adapter import RapidAdapter
from adapters.hotels.expedia_rapid.simulator_book import Magic, RapidBook
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.testing.simulator import Simulator
from tests.adapters.hotels.expedia_rapid.conftest import KEY, checked, requested


def booked(simulator: Simulator) -> list[tuple[str, bool]]:
    """Say what the partner's book holds: our key, and whether it stands."""
    book = simulator.book
    assert isinstance(book, RapidBook)
    return [(one.key, one.cancelled_at is None) for one in book.itineraries()]


async def test_a_booking_is_made_once_and_found_again_by_our_key(adapter: RapidAdapter, simulator: Simulator) -> None:
    request = await checked(adapter, await requested(adapter))
    result = await adapter.run_step("book", request)
    assert result.outcome is Outcome.OK, result
    assert result.partner_reference is not None
    assert result.carried == {"itinerary_id": result.partner_reference}
    assert booked(simulator) == [(KEY, True)]
    found = await adapter.look_up(request)
    assert (found.answer, found.partner_reference) == (LookUpAnswer.ISSUED, result.partner_reference)


async def test_a_repeat_is_refused_as_duplicate_and_that_is_a_look_up_never_a_no(
    adapter: RapidAdapter, simulator: Simulator
) -> None:
    request = await checked(adapter, await requested(adapter))
    await adapter.run_step("book", request)
    again = await adapter.run_step("book", request)
    assert (again.outcome, again.code) == (Outcome.UNKNOWN, "duplicate_itinerary")
    assert (await adapter.look_up(request)).answer is LookUpAnswer.ISSUED
    assert booked(simulator) == [(KEY, True)]


@pytest.mark.parametrize("mode", ["commit_then_hang", "commit_then_reset", "error_500_after_commit", "truncated"])
async def test_a_lost_answer_is_unknown_and_the_look_up_finds_exactly_one_booking(
    adapter: RapidAdapter, simulator: Simulator, mode: str
) -> None:
    request = await checked(adapter, await requested(adapter))
    simulator.faults.plan("book", mode)
    assert (await adapter.run_step("book", request)).outcome is Outcome.UNKNOWN
    assert (await adapter.look_up(request)).answer is LookUpAnswer.ISSUED
    assert booked(simulator) == [(KEY, True)]


async def test_a_booking_that_never_arrived_is_not_found_and_the_repeat_books_once(
    adapter: RapidAdapter, simulator: Simulator
) -> None:
    request = await checked(adapter, await requested(adapter))
    simulator.faults.plan("book", "error_500_before")
    assert (await adapter.run_step("book", request)).outcome is Outcome.UNKNOWN
    assert (await adapter.look_up(request)).answer is LookUpAnswer.NOT_FOUND
    assert (await adapter.run_step("book", request)).outcome is Outcome.OK
    assert booked(simulator) == [(KEY, True)]


async def test_a_partner_that_says_created_and_did_nothing_is_not_believed(
    adapter: RapidAdapter, simulator: Simulator
) -> None:
    request = await checked(adapter, await requested(adapter))
    simulator.faults.plan("book", "lying_200")
    result = await adapter.run_step("book", request)
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "not_confirmed")
    assert booked(simulator) == []


@pytest.mark.parametrize(
    ("property_id", "code"),
    [
        (Magic.PRICE_CHANGED_AT_CHECK, "price_changed"),
        (Magic.SOLD_OUT_AT_CHECK, "sold_out"),
    ],
)
async def test_a_price_check_refuses_before_anything_is_booked(
    adapter: RapidAdapter, simulator: Simulator, property_id: str, code: str
) -> None:
    result = await adapter.run_step("price_check", await requested(adapter, property_id))
    assert (result.outcome, result.code) == (Outcome.NO, code)
    assert booked(simulator) == []


@pytest.mark.parametrize(
    ("property_id", "code"),
    [
        (Magic.PRICE_MISMATCH_AT_BOOK, "price_mismatch"),
        (Magic.GONE_AT_BOOK, "rooms_unavailable"),
    ],
)
async def test_a_booking_is_refused_definitely(
    adapter: RapidAdapter, simulator: Simulator, property_id: str, code: str
) -> None:
    request = await checked(adapter, await requested(adapter, property_id))
    result = await adapter.run_step("book", request)
    assert (result.outcome, result.code) == (Outcome.NO, code)
    assert booked(simulator) == []


async def test_the_last_room_is_refused_to_its_own_repeat(adapter: RapidAdapter, simulator: Simulator) -> None:
    """Why rule R12 exists: our first call took the last room, and the partner judges stock before the key."""
    request = await checked(adapter, await requested(adapter, Magic.LAST_ROOM))
    simulator.faults.plan("book", "commit_then_reset")
    assert (await adapter.run_step("book", request)).outcome is Outcome.UNKNOWN
    repeat = await adapter.run_step("book", request)
    assert (repeat.outcome, repeat.code) == (Outcome.NO, "rooms_unavailable")
    assert (await adapter.look_up(request)).answer is LookUpAnswer.ISSUED


async def test_a_look_up_may_come_too_early(adapter: RapidAdapter, simulator: Simulator) -> None:
    """Source: getReservation, note on newly created itineraries (Rapid v3 OpenAPI file, read 2026-11-22)."""
    request = await checked(adapter, await requested(adapter, Magic.NOT_LISTED_YET))
    assert (await adapter.run_step("book", request)).code == "not_confirmed"
    assert (await adapter.look_up(request)).answer is LookUpAnswer.NOT_FOUND
    assert (await adapter.look_up(request)).answer is LookUpAnswer.ISSUED


async def test_an_itinerary_that_is_not_readable_yet_proves_nothing(adapter: RapidAdapter) -> None:
    request = await checked(adapter, await requested(adapter, Magic.NOT_READABLE_YET))
    assert (await adapter.run_step("book", request)).code == "not_readable_yet"
    early = await adapter.look_up(request)
    assert (early.answer, early.code) == (LookUpAnswer.UNKNOWN, "not_readable_yet")
    assert (await adapter.look_up(request)).answer is LookUpAnswer.ISSUED


async def test_a_partial_answer_is_enough_when_it_has_key_and_status(adapter: RapidAdapter) -> None:
    request = await checked(adapter, await requested(adapter, Magic.PARTIAL_RETRIEVE))
    assert (await adapter.run_step("book", request)).outcome is Outcome.OK
    assert (await adapter.look_up(request)).answer is LookUpAnswer.ISSUED


async def test_another_email_finds_nothing(adapter: RapidAdapter) -> None:
    request = await checked(adapter, await requested(adapter))
    await adapter.run_step("book", request)
    stranger = msgspec.structs.replace(request, carried={"email": "someone.else@example.cn"})
    assert (await adapter.look_up(stranger)).answer is LookUpAnswer.NOT_FOUND


async def test_the_email_of_the_booking_is_used_although_the_member_has_another_by_now(adapter: RapidAdapter) -> None:
    request = await checked(adapter, await requested(adapter))
    await adapter.run_step("book", request)
    moved = msgspec.structs.replace(request.traveller, email="liu.new@example.cn")
    assert (await adapter.look_up(msgspec.structs.replace(request, traveller=moved))).answer is LookUpAnswer.ISSUED


@pytest.mark.parametrize("mode", ["nan", "html_200", "deep_json", "reset", "slow_body"])
async def test_a_spoilt_look_up_is_unknown(adapter: RapidAdapter, simulator: Simulator, mode: str) -> None:
    request = await checked(adapter, await requested(adapter))
    await adapter.run_step("book", request)
    simulator.faults.plan("retrieve", mode)
    assert (await adapter.look_up(request)).answer is LookUpAnswer.UNKNOWN
