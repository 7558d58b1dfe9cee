"""How redemptions end, for every kind of answer and partner, on both databases."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
import sqlalchemy as sa

from adapters.sdk.manifest import Facts, KeyFacts, Profile
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from catalogue import voucher_store
from config.database import Database
from config.errors import NotFoundError
from gateway.errors import QuoteExpiredError, QuoteUsedError, RiskCapError
from gateway.redemption import store
from gateway.redemption.states import State
from gateway.redemption.tables import attempts, outbox, redemptions
from settlement.errors import InsufficientFundsError
from settlement.tables import settlement_lines
from tests.support.partners import (
    FencingPartner,
    LookingUpPartner,
    PlainPartner,
    connected,
    granted_then_lost,
    lost,
    no,
    not_sent,
    ok,
    queued,
)
from tests.support.room import MEMBER, OPENING, PARTNER, open_room


async def count(database: Database, table: sa.Table) -> int:
    query = sa.select(sa.func.count()).select_from(table)
    return await database.read(lambda connection: connection.execute(query).scalar_one())


async def test_a_granted_benefit_is_captured_with_voucher_line_and_events(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem(points=600)
    assert redemption.state is State.CAPTURED
    assert await room.balance() == (OPENING - 600, 0)
    assert partner.book.issued == {redemption.partner_key: 1}
    voucher = await database.read(partial(voucher_store.voucher_of, redemption_id=redemption.id))
    assert voucher is not None
    assert voucher.partner == PARTNER
    line = await database.read(lambda connection: connection.execute(sa.select(settlement_lines)).one())
    assert (line.reference, line.gross, line.entry_key) == (redemption.partner_key, 12_000, f"{redemption.id}:capture")
    events = await database.read(lambda c: list(c.execute(sa.select(outbox.c.type).order_by(outbox.c.seq)).scalars()))
    assert events == ["redemption.held", "redemption.submitting", "redemption.captured"]
    await room.require_clean_books()


async def test_a_refusal_gives_everything_back(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(no)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    assert (redemption.state, redemption.reason) == (State.VOIDED, "sold_out")
    assert await room.balance() == (OPENING, 0)
    assert await count(database, settlement_lines) == 0
    await room.require_clean_books()


async def test_a_lost_answer_is_looked_up_and_captured_once(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(granted_then_lost)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    assert redemption.state is State.UNKNOWN
    assert await room.balance() == (OPENING - 600, 600)
    assert await room.sweeper.sweep() == 0
    room.clock.advance(seconds=3)
    assert await room.sweeper.sweep() == 1
    assert (await room.get(redemption.id)).state is State.CAPTURED
    assert partner.calls == ["book", "look_up"]
    assert await room.balance() == (OPENING - 600, 0)
    await room.require_clean_books()


async def test_a_request_that_never_arrived_is_sent_again_with_the_same_key(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.extend([lost, ok])
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    room.clock.advance(seconds=3)
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.CAPTURED
    assert partner.calls == ["book", "look_up", "book"]
    assert set(partner.keys) == {redemption.partner_key}


async def test_a_partner_that_is_not_idempotent_is_never_sent_again(database: Database) -> None:
    partner = LookingUpPartner()
    partner.scripts.append(lost)
    room = await open_room(database, skyhub_lounge=partner)
    facts = Facts(key=KeyFacts(field="order"), on_repeat="again")
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=facts)
    assert room.partners[PARTNER].manifest.profile is Profile.E
    redemption = await room.redeem()
    for _ in range(12):
        room.clock.advance(minutes=2)
        await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.MANUAL
    assert partner.calls.count("book") == 1
    assert await room.balance() == (OPENING - 600, 600)


async def test_a_partner_without_any_way_to_know_goes_to_people_and_keeps_the_hold(database: Database) -> None:
    partner = PlainPartner()
    partner.scripts.append(granted_then_lost)
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=Facts())
    assert room.partners[PARTNER].manifest.profile is Profile.G
    redemption = await room.redeem()
    room.clock.advance(seconds=3)
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.MANUAL
    room.clock.advance(days=30)
    assert await room.sweeper.sweep() == 0
    assert await room.balance() == (OPENING - 600, 600)


async def test_past_the_deadline_a_fence_decides_and_gives_back(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(lost)
    partner.look_ups.extend([LookUpAnswer.UNKNOWN] * 3)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    room.clock.advance(minutes=16)
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.VOIDED
    assert redemption.partner_key in partner.book.tombstones
    assert await room.balance() == (OPENING, 0)


async def test_a_fence_that_comes_too_late_captures(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(granted_then_lost)
    partner.fence_outcomes.extend([Outcome.UNKNOWN, Outcome.NO])
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    room.clock.advance(minutes=16)
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.CANCELLING
    room.clock.advance(minutes=16)
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.CAPTURED
    assert partner.calls == ["book", "fence", "fence"]


async def test_a_queued_request_is_accepted_and_ends_by_look_up(database: Database) -> None:
    partner = LookingUpPartner()
    partner.scripts.append(queued)
    partner.look_ups.extend([LookUpAnswer.PENDING, LookUpAnswer.ISSUED])
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    assert (redemption.state, redemption.carried) == (State.ACCEPTED, {"address": "credit/1"})
    for expected in (State.ACCEPTED, State.CAPTURED):
        room.clock.advance(minutes=1)
        await room.sweeper.sweep()
        assert (await room.get(redemption.id)).state is expected


async def test_what_was_never_sent_is_tried_again_and_withdrawn_after_its_window(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.extend([not_sent] * 50)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    assert redemption.state is State.HELD
    for _ in range(8):
        room.clock.advance(minutes=2)
        await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.VOIDED
    assert partner.book.issued == {}
    assert await room.balance() == (OPENING, 0)


async def test_a_crash_after_the_attempt_row_becomes_unknown_and_then_known(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, deadline_seconds=0.01)
    redemption_id = await room.take_in()
    order = await database.write(partial(room.engine._prepare, redemption_id, "crashed"))
    assert order is not None
    assert (await room.get(redemption_id)).state is State.SUBMITTING
    await asyncio.sleep(0.05)
    room.clock.advance(seconds=1)
    await room.sweeper.sweep()
    found = await room.get(redemption_id)
    assert found.state is State.CAPTURED
    assert partner.calls == ["look_up", "book"]
    events = [row["event"] for row in await database.read(partial(store.history, redemption_id=redemption_id))]
    assert events == ["created", "submit", "outcome_lost", "submit", "partner_ok"]


async def test_a_paused_worker_s_late_result_is_dropped(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(no)
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, deadline_seconds=0.01)
    redemption_id = await room.take_in()
    order = await database.write(partial(room.engine._prepare, redemption_id, "paused"))
    assert order is not None
    late = await room.engine._call(order)
    assert not isinstance(late, LookUpAnswer)
    await asyncio.sleep(0.05)
    room.clock.advance(seconds=1)
    await room.sweeper.sweep()
    assert (await room.get(redemption_id)).state is State.CAPTURED
    assert await database.write(partial(room.engine._record, order, late, "paused")) is None
    assert (await room.get(redemption_id)).state is State.CAPTURED
    assert await room.balance() == (OPENING - 600, 0)


async def test_only_one_of_many_workers_speaks_to_the_partner(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption_id = await room.take_in()
    await asyncio.gather(*(room.engine.advance(redemption_id) for _ in range(8)))
    assert partner.calls == ["book"]
    assert (await room.get(redemption_id)).state is State.CAPTURED


async def test_attempts_are_written_before_the_call_is_made(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    seen: list[object] = []

    async def look_at_the_database() -> None:
        rows = await database.read(lambda c: c.execute(sa.select(attempts.c.operation, attempts.c.outcome)).all())
        seen.extend(tuple(row) for row in rows)

    partner.before_answer = look_at_the_database
    await room.redeem()
    assert seen == [("book", None)]


async def test_nothing_is_written_when_the_hold_fails(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    with pytest.raises(InsufficientFundsError):
        await room.take_in(points=OPENING + 1)
    assert await count(database, redemptions) == 0
    assert await count(database, outbox) == 0


async def test_a_quote_is_used_once_in_time_and_by_its_member(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    quote = await room.quote()
    with pytest.raises(NotFoundError):
        await database.write(partial(room.intake.take_in, quote_id=quote.id, member_id="mbr_other"))
    await database.write(partial(room.intake.take_in, quote_id=quote.id, member_id=MEMBER))
    with pytest.raises(QuoteUsedError):
        await database.write(partial(room.intake.take_in, quote_id=quote.id, member_id=MEMBER))
    late = await room.quote()
    room.clock.advance(minutes=16)
    with pytest.raises(QuoteExpiredError):
        await database.write(partial(room.intake.take_in, quote_id=late.id, member_id=MEMBER))
    assert await room.balance() == (OPENING - 600, 600)


async def test_undecided_points_at_a_partner_are_capped(database: Database) -> None:
    partner = PlainPartner()
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, points_at_risk_cap=1_000)
    await room.take_in(points=600)
    with pytest.raises(RiskCapError):
        await room.take_in(points=600)


async def test_guests_that_the_partner_reports_are_owed_once(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.guests = 1
    assert await room.observer.look(redemption.id)
    assert await room.observer.look(redemption.id)
    line = settlement_lines.c
    query = sa.select(line.kind, line.gross, line.points).order_by(line.kind)
    lines = await database.read(lambda c: [tuple(row) for row in c.execute(query)])
    assert lines == [("guest_visit", 12_000, 0), ("purchase", 12_000, 600)]
    await room.require_clean_books()


async def test_what_the_partner_takes_back_on_its_own_returns_to_the_member(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.book.cancelled.add(redemption.partner_key)
    assert await room.observer.look(redemption.id)
    assert await room.observer.look(redemption.id)
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


async def test_issued_after_void_is_a_claim_and_never_a_charge(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(no)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.book.issued[redemption.partner_key] = 1
    assert await room.observer.look(redemption.id)
    assert await room.balance() == (OPENING, 0)
    assert (await room.get(redemption.id)).state is State.VOIDED
    await room.require_clean_books()
