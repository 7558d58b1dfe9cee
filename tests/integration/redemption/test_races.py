"""What happens at the same time: wishes during a call, legs of one trip, late results, rows nobody can work on."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.manifest import Facts, KeyFacts
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import LookUpResult, StepResult
from config.database import Database
from gateway.redemption import reversal_store, store
from gateway.redemption.states import Event, ReversalState, State
from gateway.redemption.tables import attempts, claims
from gateway.services.itineraries import _place
from settlement.errors import ObligationError
from settlement.tables import settlement_lines
from tests.support.partners import (
    FencingPartner,
    LookingUpPartner,
    PlainPartner,
    connected,
    granted_then_lost,
    lost,
    queued,
)
from tests.support.room import MEMBER, OPENING, OTHER_PARTNER, PARTNER, Room, open_room


async def withdraw(room: Room, redemption_id: str) -> None:
    await room.database.write(partial(store.ask_withdrawal, redemption_id=redemption_id, at=room.clock.now()))


async def trip(room: Room) -> list[str]:
    quotes = (await room.quote(partner=PARTNER), await room.quote(partner=OTHER_PARTNER))
    ids = tuple(quote.id for quote in quotes)
    answer = await room.database.write(partial(_place, cast("Any", room), MEMBER, ids, "all_or_nothing"))
    legs = await room.database.read(partial(store.legs, itinerary_id=str(answer.resource_id)))
    return [leg.id for leg in legs]


async def test_a_wish_during_a_look_up_is_not_overwritten_by_its_end(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(lost)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    room.clock.advance(seconds=3)
    order = await database.write(partial(room.engine._prepare, redemption.id, "me"))
    assert order is not None
    room.clock.advance(seconds=1)
    await withdraw(room, redemption.id)
    answer = LookUpResult(answer=LookUpAnswer.NOT_FOUND)
    assert await database.write(partial(room.engine._record, order, answer, "me")) is None
    assert partner.calls.count("book") == 1
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.VOIDED


async def test_a_wish_during_the_submission_is_acted_on_at_once(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption_id = await room.take_in()
    order = await database.write(partial(room.engine._prepare, redemption_id, "me"))
    assert order is not None
    room.clock.advance(seconds=1)
    await withdraw(room, redemption_id)
    busy = StepResult(outcome=Outcome.BUSY, retry_after_seconds=600)
    await database.write(partial(room.engine._record, order, busy, "me"))
    await room.sweeper.sweep()
    found = await room.get(redemption_id)
    assert (found.state, found.reason) == (State.VOIDED, "withdrawn")


async def test_nobody_can_want_back_by_withdrawal_what_was_captured(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption = await room.redeem()
    ask = partial(store.ask_withdrawal, redemption_id=redemption.id, at=room.clock.now())
    assert await database.write(ask) is False
    found = await room.get(redemption.id)
    assert (found.withdrawal_asked_at, found.next_action_at) == (None, None)


async def test_a_wish_while_people_decide_is_kept_and_wakes_nobody(database: Database) -> None:
    partner = PlainPartner()
    partner.scripts.append(lost)
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=Facts())
    redemption = await room.redeem()
    room.clock.advance(seconds=3)
    await room.sweeper.sweep()
    await withdraw(room, redemption.id)
    assert (await room.get(redemption.id)).next_action_at is None
    settle = partial(room.engine.settle, redemption_id=redemption.id, event=Event.FILE_SAYS_ISSUED, detail="file")
    assert await database.write(settle)
    found = await database.read(partial(reversal_store.standing, redemption_id=redemption.id))
    assert found is not None
    assert found.reason == "withdrawn_meanwhile"


@pytest.mark.parametrize("round_", range(3))
async def test_a_leg_captured_while_the_other_is_voided_is_undone(database: Database, round_: int) -> None:
    """Either transaction may win; in every order the trip ends whole or undone."""
    easy, hard = FencingPartner(), LookingUpPartner()
    easy.scripts.append(lost)
    room = await open_room(database, skyhub_lounge=easy, expedia_rapid=hard)
    first, second = await trip(room)
    await room.engine.advance(first)
    room.clock.advance(seconds=3)
    order = await database.write(partial(room.engine._prepare, first, "me"))
    assert order is not None
    room.clock.advance(seconds=601)
    issued = LookUpResult(answer=LookUpAnswer.ISSUED, partner_reference="P-1")
    easy.book.issue(order.redemption.partner_key)
    await asyncio.gather(
        database.write(partial(room.engine._record, order, issued, "me")),
        room.engine.advance(second),
    )
    for _ in range(4):
        room.clock.advance(seconds=30)
        await room.sweeper.sweep()
    assert (await room.get(second)).state is State.VOIDED
    assert easy.book.issued == {}
    assert await room.balance() == (OPENING, 0)


async def test_a_withdrawn_first_leg_that_is_captured_anyway_undoes_the_trip(database: Database) -> None:
    easy, hard = FencingPartner(), LookingUpPartner()
    room = await open_room(database, skyhub_lounge=easy, expedia_rapid=hard)
    first, second = await trip(room)
    order = await database.write(partial(room.engine._prepare, first, "me"))
    assert order is not None
    await withdraw(room, first)
    await database.write(partial(room.engine._record, order, await room.engine._call(order), "me"))
    for _ in range(3):
        room.clock.advance(seconds=5)
        await room.sweeper.sweep()
    assert (await room.get(second)).state is State.VOIDED
    assert hard.calls == []
    assert easy.book.issued == {}
    assert await room.balance() == (OPENING, 0)


async def test_what_cannot_be_booked_goes_to_people_with_its_evidence(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption_id = await room.take_in()

    def unpriced(*_: object) -> None:
        raise ObligationError("no terms")

    with monkeypatch.context() as broken:
        broken.setattr(room.engine._endings._effects, "captured", unpriced)
        await room.engine.advance(redemption_id)
        found = await room.get(redemption_id)
        assert (found.state, found.reason, found.partner_reference) == (State.MANUAL, "not_booked", "P-1")
        outcomes = await database.read(lambda c: list(c.execute(sa.select(attempts.c.outcome)).scalars()))
        assert outcomes == ["ok"]
    settle = partial(room.engine.settle, redemption_id=redemption_id, event=Event.FILE_SAYS_ISSUED, detail="file")
    assert await database.write(settle)
    assert await room.balance() == (OPENING - 600, 0)
    await room.require_clean_books()


async def test_a_reversal_that_cannot_be_booked_goes_to_people(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption = await room.redeem()
    ask = partial(reversal_store.ask, redemption=redemption, quantity=600, reason="test", at=room.clock.now())
    await database.write(ask)

    def unpriced(*_: object) -> None:
        raise ObligationError("no terms")

    with monkeypatch.context() as broken:
        broken.setattr(room.reversals._effects, "reversed", unpriced)
        await room.reversals.advance(redemption.id, 1)
    found = await database.read(partial(reversal_store.get, redemption_id=redemption.id, number=1))
    assert found is not None
    assert found.state is ReversalState.MANUAL
    assert await room.observer.look(redemption.id)
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


async def test_rows_nobody_can_work_on_do_not_starve_the_others(database: Database) -> None:
    good, gone = FencingPartner(), LookingUpPartner()
    room = await open_room(database, skyhub_lounge=good, expedia_rapid=gone)
    for _ in range(4):
        await room.take_in(partner=OTHER_PARTNER, points=10)
    room.clock.advance(seconds=1)
    wanted = await room.take_in(points=10)
    del room.partners[OTHER_PARTNER]
    room.sweeper._settings = type(room.sweeper._settings)(lease_margin_seconds=0.0, sweep_batch=4)
    room.clock.advance(seconds=3)
    await room.sweeper.sweep()
    await room.sweeper.sweep()
    assert (await room.get(wanted)).state is State.CAPTURED


async def test_a_poisonous_row_is_put_off_and_not_tried_at_every_sweep(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption_id = await room.take_in()
    room.clock.advance(seconds=3)

    def poison(*_: object) -> None:
        raise RuntimeError("poison")

    with monkeypatch.context() as broken:
        broken.setattr(room.engine._ordering, "decide", poison)
        assert await room.sweeper.sweep() == 1
        assert await room.sweeper.sweep() == 0
    room.clock.advance(minutes=2)
    assert await room.sweeper.sweep() == 1
    assert (await room.get(redemption_id)).state is State.CAPTURED


async def test_a_partner_that_hangs_does_not_keep_the_others_waiting(database: Database) -> None:
    hanging, quick = FencingPartner(), LookingUpPartner()
    begun, release = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        await release.wait()

    hanging.before_answer = hang
    room = await open_room(database, skyhub_lounge=hanging, expedia_rapid=quick)
    slow = await room.take_in(points=10)
    room.clock.advance(seconds=3)
    first = asyncio.create_task(room.sweeper.sweep())
    await begun.wait()
    fast = await room.take_in(partner=OTHER_PARTNER, points=10)
    room.clock.advance(seconds=3)
    await asyncio.wait_for(room.sweeper.sweep(), 5)
    assert (await room.get(fast)).state is State.CAPTURED
    release.set()
    await first
    assert (await room.get(slow)).state is State.CAPTURED


async def test_a_process_that_slept_past_its_lease_does_not_speak_any_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption_id = await room.take_in()
    prepare = room.engine._prepare

    def sleep_after(*arguments: Any) -> Any:
        order = prepare(*arguments)
        room.clock.advance(seconds=120)
        return order

    monkeypatch.setattr(room.engine, "_prepare", sleep_after)
    await room.engine.advance(redemption_id)
    assert partner.calls == []
    assert (await room.get(redemption_id)).state is State.SUBMITTING


async def test_a_window_partner_is_waited_for_and_voids_by_itself(database: Database) -> None:
    partner = LookingUpPartner()
    partner.scripts.extend([lost] * 9)
    room = await open_room(database, skyhub_lounge=partner)
    facts = Facts(key=KeyFacts(field="key"), on_repeat="replay", validity_enforced=True, look_up_staleness_seconds=90)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=facts)
    redemption = await room.redeem()
    decided_from = redemption.window_ends_at + timedelta(seconds=60 + 60 + 90)
    for _ in range(200):
        found = await room.get(redemption.id)
        if found.next_action_at is None:
            break
        assert found.state is State.UNKNOWN
        room.clock.advance(seconds=max((found.next_action_at - room.clock.now()).total_seconds(), 0) + 0.01)
        await room.sweeper.sweep()
    assert found.state is State.VOIDED
    assert decided_from < room.clock.now() < decided_from + timedelta(seconds=5)
    assert await room.balance() == (OPENING, 0)


async def test_a_late_success_after_the_window_voided_it_is_a_claim(database: Database) -> None:
    partner = LookingUpPartner()
    room = await open_room(database, skyhub_lounge=partner)
    facts = Facts(key=KeyFacts(field="key"), on_repeat="replay", validity_enforced=True)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=facts, deadline_seconds=0.01)
    redemption_id = await room.take_in()
    order = await database.write(partial(room.engine._prepare, redemption_id, "paused"))
    assert order is not None
    await asyncio.sleep(0.05)
    room.clock.advance(minutes=30)
    await room.sweeper.sweep()
    assert (await room.get(redemption_id)).state is State.VOIDED
    late = StepResult(outcome=Outcome.OK, partner_reference="P-1")
    await database.write(partial(room.engine._record, order, late, "paused"))
    found = await database.read(lambda c: list(c.execute(sa.select(claims.c.redemption_id)).scalars()))
    assert found == [redemption_id]
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


async def test_a_queued_request_that_is_no_longer_wanted_is_fenced(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(queued)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    assert redemption.state is State.ACCEPTED
    await withdraw(room, redemption.id)
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.VOIDED
    assert partner.calls == ["book", "fence"]


async def test_guests_are_owed_by_difference_and_also_when_the_look_up_captures(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(granted_then_lost)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.guests = 1
    room.clock.advance(seconds=3)
    await room.sweeper.sweep()
    for guests in (3, 2, 3):
        partner.guests = guests
        assert await room.observer.look(redemption.id)

    def read(connection: Connection) -> list[int]:
        line = settlement_lines.c
        query = sa.select(line.quantity).where(line.kind == "guest_visit").order_by(line.line_key)
        return list(connection.execute(query).scalars())

    assert await database.read(read) == [1, 2]
    await room.require_clean_books()


async def test_the_partner_s_own_cancellation_counts_after_it_refused_ours(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.fence_outcomes.append(Outcome.NO)
    ask = partial(reversal_store.ask, redemption=redemption, quantity=300, reason="test", at=room.clock.now())
    await database.write(ask)
    await room.sweeper.sweep()
    assert await room.balance() == (OPENING - 600, 0)
    partner.book.cancelled.add(redemption.partner_key)
    assert await room.observer.look(redemption.id)
    assert await room.observer.look(redemption.id)
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


async def test_a_partly_refunded_cancellation_is_not_refunded_again(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    ask = partial(reversal_store.ask, redemption=redemption, quantity=300, reason="test", at=room.clock.now())
    await database.write(ask)
    await room.sweeper.sweep()
    assert await room.observer.look(redemption.id)
    assert await room.balance() == (OPENING - 300, 0)
    await room.require_clean_books()


async def test_a_code_longer_than_its_column_stops_nothing(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(lambda *_: StepResult(outcome=Outcome.NO, code="x" * 500))
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    assert (redemption.state, redemption.reason) == (State.VOIDED, "x" * 80)
