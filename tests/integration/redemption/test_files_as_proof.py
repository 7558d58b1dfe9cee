"""Rules R11 and R13 at partners that nobody can ask: what all of their accepted files say is the proof."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sdk.manifest import Facts
from adapters.sdk.records import StatementLine
from catalogue.tables import vouchers
from config.database import Database
from gateway.operations.alarms import list_alarms
from gateway.operations.switches import read_switch
from gateway.redemption import claiming, reversal_store, store
from gateway.redemption.records import Redemption
from gateway.redemption.states import ReversalState, State
from gateway.redemption.tables import claims, outbox, reversals
from settlement.entries import read_postings
from settlement.errors import ObligationError
from settlement.tables import postings
from tests.support.nights import FencingFiler, FilingPartner, Nights, nights_of, refund, row
from tests.support.partners import connected, granted_then_lost, lost, no
from tests.support.room import OPENING, PARTNER, open_room

DAY = date(2026, 11, 22)
NEXT = DAY + timedelta(days=1)
LATER = DAY + timedelta(days=2)
Opening = Callable[[FilingPartner], AbstractAsyncContextManager[Nights]]


@pytest.fixture
def opening(database: Database, database_url: str, tmp_path: Path) -> Opening:
    @asynccontextmanager
    async def opened(adapter: FilingPartner) -> AsyncIterator[Nights]:
        room = await open_room(database, skyhub_lounge=adapter)
        async with nights_of(room, database_url, tmp_path) as nights:
            yield nights

    return opened


@pytest.fixture
async def nights(opening: Opening, request: pytest.FixtureRequest) -> AsyncIterator[Nights]:
    """The nights of a partner without look-up: of profile G, or of F where a test asks for it."""
    async with opening(getattr(request, "param", FilingPartner)()) as found:
        yield found


both = pytest.mark.parametrize("nights", [FilingPartner, FencingFiler], indirect=True, ids=["G", "F"])


async def traces(nights: Nights) -> list[int]:
    """Count what a repeated night must not add to."""
    tables = (postings, outbox, reversals, claims)
    count = sa.select(*(sa.select(sa.func.count()).select_from(table).scalar_subquery() for table in tables))
    return await nights.room.database.read(lambda connection: list(connection.execute(count).one()))


async def undoings(nights: Nights, redemption: Redemption) -> list[tuple[int, str, ReversalState]]:
    found = await nights.room.database.read(partial(reversal_store.of_redemption, redemption_id=redemption.id))
    return [(one.number, one.reason, one.state) for one in found]


async def alarms(nights: Nights) -> list[tuple[str, str]]:
    found = await nights.room.database.read(partial(list_alarms, limit=10))
    return sorted((one.kind, one.subject) for one in found)


async def claimed(nights: Nights) -> list[Any]:
    return await nights.room.database.read(lambda c: list(c.execute(sa.select(claims)).mappings()))


WHOLE: dict[str, Callable[[Redemption], list[StatementLine]]] = {
    "cancelled": lambda one: [row(one, "cancelled"), row(one, kind="fee", amount=3_000)],
    "given back": lambda one: [row(one), refund(one)],
}
NOT_WHOLE: dict[str, Callable[[Redemption], list[StatementLine]]] = {
    "booked again": lambda one: [row(one, "cancelled"), row(one)],
    "other rows": lambda one: [row(one), *(row(one, "cancelled", kind=kind) for kind in ("fee", "guest_visit"))],
}
FOR_PEOPLE: dict[str, Callable[[Redemption], list[StatementLine]]] = {
    "given back in part": lambda one: [row(one), refund(one, 5_000)],
    "another than ours": lambda one: [row(one, "cancelled", partner_reference="P-9")],
}


@both
@pytest.mark.parametrize("told", WHOLE.values(), ids=WHOLE.keys())
async def test_what_was_taken_back_whole_returns_to_the_member_once(
    nights: Nights, told: Callable[[Redemption], list[StatementLine]]
) -> None:
    redemption = await nights.room.redeem()
    night = await nights.run(DAY, *told(redemption))
    assert await nights.room.balance() == (OPENING, 0)
    assert night.settled == (redemption.id,)
    assert await undoings(nights, redemption) == [(1, "partner_cancelled", ReversalState.APPLIED)]
    events = sa.select(outbox.c.payload).where(outbox.c.type == "reversal.applied")
    (event,) = await nights.room.database.read(lambda c: c.execute(events).scalars().all())
    assert (event["redemption_id"], event["reason"]) == (redemption.id, "partner_cancelled")
    states = sa.select(vouchers.c.state)
    assert await nights.room.database.read(lambda c: c.execute(states).scalars().all()) == ["void"]
    before = await traces(nights)
    assert (await nights.again(DAY)).settled == ()
    await nights.run(NEXT)
    assert await traces(nights) == before
    await nights.room.require_clean_books()


@pytest.mark.parametrize("told", NOT_WHOLE.values(), ids=NOT_WHOLE.keys())
async def test_what_stands_stays_with_the_member(
    nights: Nights, told: Callable[[Redemption], list[StatementLine]]
) -> None:
    redemption = await nights.room.redeem()
    await nights.run(DAY, *told(redemption))
    assert await nights.room.balance() == (OPENING - 600, 0)
    assert await undoings(nights, redemption) == []
    assert await alarms(nights) == []


@pytest.mark.parametrize("told", FOR_PEOPLE.values(), ids=FOR_PEOPLE.keys())
async def test_what_is_no_proof_is_told_to_people_once(
    nights: Nights, told: Callable[[Redemption], list[StatementLine]]
) -> None:
    redemption = await nights.room.redeem()
    await nights.run(DAY, *told(redemption))
    assert await nights.room.balance() == (OPENING - 600, 0)
    assert await alarms(nights) == [("file_for_people", redemption.id)]
    before = await traces(nights)
    await nights.again(DAY)
    assert await traces(nights) == before


async def test_parts_of_several_days_are_summed_in_whatever_order_they_come(nights: Nights) -> None:
    redemption, other = await nights.room.redeem(), await nights.room.redeem()
    await nights.run(NEXT, refund(redemption, 5_000), refund(other, 5_000))
    await nights.run(DAY, row(redemption), row(other))
    assert await nights.room.balance() == (OPENING - 1200, 0)
    await nights.run(LATER, refund(redemption, 7_000))
    assert await nights.room.balance() == (OPENING - 600, 0)
    assert await undoings(nights, other) == []
    await nights.room.require_clean_books()


async def test_a_cancellation_that_comes_after_the_file_of_the_next_booking_is_past(nights: Nights) -> None:
    redemption = await nights.room.redeem()
    await nights.run(NEXT, row(redemption))
    await nights.run(DAY, row(redemption, "cancelled"))
    assert await undoings(nights, redemption) == []


async def test_a_corrected_file_counts_and_the_one_before_no_more(nights: Nights) -> None:
    redemption = await nights.room.redeem()
    await nights.run(DAY, row(redemption))
    await nights.run(DAY, row(redemption, "cancelled"))
    assert await nights.room.balance() == (OPENING, 0)


async def test_a_row_from_before_the_last_try_does_not_speak_of_it(opening: Opening) -> None:
    adapter = FencingFiler()
    adapter.scripts.append(lost)
    async with opening(adapter) as nights:
        room = nights.room
        room.clock.advance(hours=13, minutes=58)
        redemption = await room.redeem()
        room.clock.advance(minutes=5)
        await room.sweeper.sweep()
        assert (await room.get(redemption.id)).state is State.CAPTURED
        await nights.run(DAY, row(redemption, "cancelled"))
        assert await undoings(nights, redemption) == []
        await nights.run(NEXT, row(redemption, "cancelled"))
        assert await room.balance() == (OPENING, 0)


@pytest.mark.parametrize("state", [ReversalState.MANUAL, ReversalState.REQUESTED])
async def test_an_undoing_that_is_under_way_is_what_the_file_ends(nights: Nights, state: ReversalState) -> None:
    redemption = await nights.room.redeem()
    ask = partial(reversal_store.ask, redemption=redemption, quantity=400, reason="by_member", state=state)
    await nights.room.database.write(partial(ask, at=nights.room.clock.now()))
    await nights.run(DAY, row(redemption, "cancelled"))
    assert await undoings(nights, redemption) == [(1, "by_member", ReversalState.APPLIED)]
    assert await nights.room.balance() == (OPENING - 200, 0)
    before = await traces(nights)
    await nights.again(DAY)
    assert await traces(nights) == before
    await nights.room.require_clean_books()


async def test_what_was_given_back_before_is_taken_off_and_is_no_news(nights: Nights) -> None:
    redemption, other = await nights.room.redeem(), await nights.room.redeem()
    for one in (redemption, other):
        ask = partial(reversal_store.ask, redemption=one, quantity=200, reason="no_show", undoes=False)
        given = await nights.room.database.write(partial(ask, at=nights.room.clock.now(), state=ReversalState.APPLIED))
        assert given is not None
        post = partial(nights.room.effects.reversed, redemption=one, reversal=given, at=nights.room.clock.now())
        await nights.room.database.write(post)
    await nights.run(DAY, row(redemption), refund(redemption), row(other), refund(other, 4_000))
    assert await nights.room.balance() == (OPENING - 400, 0)
    assert [number for number, *_ in await undoings(nights, redemption)] == [1, 2]
    assert await alarms(nights) == []
    await nights.room.require_clean_books()


async def test_an_undoing_that_is_being_sent_is_awaited_first(nights: Nights) -> None:
    redemption = await nights.room.redeem()
    ask = partial(reversal_store.ask, redemption=redemption, quantity=600, reason="by_member")
    asked = await nights.room.database.write(partial(ask, at=nights.room.clock.now(), state=ReversalState.SUBMITTING))
    assert asked is not None
    before = await traces(nights)
    await nights.run(DAY, row(redemption, "cancelled"))
    assert await traces(nights) == before
    unanswered = partial(reversal_store.move, reversal=asked, state=ReversalState.UNKNOWN, at=nights.room.clock.now())
    await nights.room.database.write(unanswered)
    await nights.run(NEXT)
    assert await undoings(nights, redemption) == [(1, "by_member", ReversalState.APPLIED)]


async def test_what_cannot_be_booked_is_an_alarm_and_stops_no_other(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await nights.room.redeem(), await nights.room.redeem()
    reversed_ = nights.gateway.effects.reversed

    def unpriced(connection: Any, redemption: Redemption, *rest: Any) -> None:
        if redemption.id == first.id:
            raise ObligationError("no terms")
        reversed_(connection, redemption, *rest)

    monkeypatch.setattr(nights.gateway.effects, "reversed", unpriced)
    await nights.run(DAY, row(first, "cancelled"), row(second, "cancelled"))
    assert await alarms(nights) == [("file_not_booked", first.id)]
    assert await undoings(nights, first) == []
    assert await nights.room.balance() == (OPENING - 600, 0)
    monkeypatch.undo()
    await nights.again(DAY)
    assert await nights.room.balance() == (OPENING, 0)
    await nights.room.require_clean_books()


@both
async def test_a_late_row_of_what_was_refused_opens_one_claim(nights: Nights) -> None:
    nights.room.partners[PARTNER].adapter.scripts.append(no)  # type: ignore[attr-defined]
    redemption = await nights.room.redeem()
    assert redemption.state is State.VOIDED
    await nights.run(DAY, row(redemption))
    (claim,) = await claimed(nights)
    assert claim["evidence"]["statement_line_id"]
    assert [posting.amount for posting in await _postings(nights, f"{redemption.id}:claim")] == [12_000, -12_000]
    assert await nights.room.balance() == (OPENING, 0), "the member is charged nothing"
    close = partial(claiming.close, redemption=redemption, outcome="withdrawn", at=nights.room.clock.now())
    await nights.room.database.write(close)
    before = await traces(nights)
    await nights.again(DAY)
    await nights.run(NEXT, row(redemption))
    assert await traces(nights) == before, "a claim that people ended is not opened again"
    await nights.room.require_clean_books()


async def _postings(nights: Nights, key: str) -> Any:
    return await nights.room.database.read(partial(read_postings, key=key))


async def test_what_was_refused_and_is_not_asked_for_is_no_claim(nights: Nights) -> None:
    nights.room.partners[PARTNER].adapter.scripts.extend([no, no])  # type: ignore[attr-defined]
    first, second = await nights.room.redeem(), await nights.room.redeem()
    await nights.run(DAY, row(first), refund(first), row(second, "failed"))
    assert await claimed(nights) == []


async def test_a_row_that_comes_after_its_absence_had_voided_it_opens_a_claim(opening: Opening) -> None:
    adapter = FilingPartner()
    adapter.scripts.append(granted_then_lost)
    async with opening(adapter) as nights:
        room = nights.room
        nights.gateway.partners[PARTNER] = room.partners[PARTNER] = connected(adapter, partner=PARTNER, facts=Facts())
        redemption = await room.redeem()
        room.clock.advance(seconds=3)
        await room.sweeper.sweep()
        assert (await room.get(redemption.id)).state is State.MANUAL
        window = nights.gateway.contracts[PARTNER].late_window_days
        for days in range(window):
            await nights.take_in(DAY + timedelta(days=days))
        await nights.run(DAY + timedelta(days=window))
        assert (await room.get(redemption.id)).state is State.VOIDED
        assert await room.balance() == (OPENING, 0)
        await nights.run(DAY + timedelta(days=window + 1), row(redemption))
        assert [claim["redemption_id"] for claim in await claimed(nights)] == [redemption.id]
        assert await room.balance() == (OPENING, 0)
        await room.require_clean_books()


async def test_what_was_booked_again_is_captured_and_the_same_night_claims_nothing(opening: Opening) -> None:
    adapter = FilingPartner()
    adapter.scripts.append(granted_then_lost)
    async with opening(adapter) as nights:
        room = nights.room
        nights.gateway.partners[PARTNER] = room.partners[PARTNER] = connected(adapter, partner=PARTNER, facts=Facts())
        redemption = await room.redeem()
        room.clock.advance(seconds=3)
        await room.sweeper.sweep()
        assert (await room.get(redemption.id)).state is State.MANUAL
        night = await nights.run(DAY, row(redemption), refund(redemption), row(redemption))
        assert night.settled == (redemption.id,)
        assert (await room.get(redemption.id)).state is State.CAPTURED
        assert await claimed(nights) == []
        assert await alarms(nights) == []
        before = await traces(nights)
        await nights.again(DAY)
        await nights.run(NEXT)
        assert await traces(nights) == before
        await room.require_clean_books()


@pytest.mark.parametrize("given_back", [True, False])
async def test_a_row_from_before_the_fence_waits_for_the_file_of_the_fence_s_day(
    opening: Opening, *, given_back: bool
) -> None:
    adapter = FencingFiler()
    adapter.scripts.append(granted_then_lost)
    async with opening(adapter) as nights:
        room = nights.room
        room.clock.advance(hours=13, minutes=58)
        redemption = await room.redeem()
        await room.database.write(partial(store.ask_withdrawal, redemption_id=redemption.id, at=room.clock.now()))
        room.clock.advance(minutes=5)
        await room.sweeper.sweep()
        assert (await room.get(redemption.id)).state is State.VOIDED
        await nights.run(DAY, row(redemption))
        assert await claimed(nights) == [], "the row was written before the fence"
        await nights.run(NEXT, *([refund(redemption)] if given_back else []))
        assert len(await claimed(nights)) == (0 if given_back else 1)
        await room.require_clean_books()


async def test_nw_24_a_night_over_two_bookings_under_one_key_raises_the_alarm_and_switches_repeats_off(
    nights: Nights,
) -> None:
    redemption, other = await nights.room.redeem(), await nights.room.redeem()
    await nights.run(DAY, row(redemption), row(redemption, partner_reference="P-2"), row(other))
    assert await alarms(nights) == [("granted_twice", redemption.id)]
    switch = await nights.room.database.read(partial(read_switch, partner=PARTNER))
    assert (switch.distrusted, switch.disabled) == (True, False)
    assert switch.last_change is not None
    assert f"the statement of {DAY} shows 2" in switch.last_change.reason
