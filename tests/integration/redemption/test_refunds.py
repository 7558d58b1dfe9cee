"""What goes back when a partner cancels by itself, or when a wish was not known to come too late."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import msgspec
import pytest
import sqlalchemy as sa

from adapters.sdk.manifest import Facts
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, ReservationRequest
from catalogue.benefits_cancellation import Cancellation
from catalogue.values import Money, Rate
from config.database import Database
from gateway.redemption import reversal_store, store
from gateway.redemption.records import Redemption, Reversal
from gateway.redemption.states import Event, ReversalState, State
from settlement.tables import settlement_lines
from tests.integration.redemption.test_benefit_terms import changed
from tests.support.partners import CAPABILITIES, FencingPartner, LookingUpPartner, PlainPartner, connected, lost
from tests.support.room import OPENING, PARTNER, Room, open_room

PRICE = 12_000


class Telling(LookingUpPartner):
    """Tells what it gives back of what was cancelled; its answers to a cancellation are lost."""

    refund: Money | None = None

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        return msgspec.structs.replace(await super().look_up(request), refund=self.refund)

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        self.calls.append("cancel")
        self.book.cancelled.add(request.key)
        self.book.issued.pop(request.key, None)
        return CancelResult(outcome=Outcome.UNKNOWN)


CAPABILITIES[Telling] = ("reserves", "looks_up", "cancels")


async def lines(room: Room) -> list[tuple[str, int]]:
    query = sa.select(settlement_lines.c.kind, settlement_lines.c.gross).order_by(settlement_lines.c.kind)
    return [(row.kind, row.gross) for row in await room.database.read(lambda c: c.execute(query).all())]


async def reversal(room: Room, redemption: Redemption) -> Reversal | None:
    return await room.database.read(partial(reversal_store.latest, redemption_id=redemption.id))


REFUNDS = [
    (None, []),
    (Money(PRICE, "CNY"), []),
    (Money(9_000, "CNY"), [("cancel_fee", 3_000)]),
    (Money(0, "CNY"), [("cancel_fee", PRICE)]),
    (Money(9_000, "EUR"), []),
]


@pytest.mark.parametrize(("refund", "fee"), REFUNDS)
async def test_a_partner_that_cancels_by_itself_is_owed_what_it_keeps_and_the_member_gets_all_back(
    database: Database, refund: Money | None, fee: list[tuple[str, int]]
) -> None:
    partner = Telling()
    room = await open_room(database, changing=changed(cancellation=Cancellation()), skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.refund = refund
    partner.look_ups.extend([LookUpAnswer.CANCELLED] * 2)
    assert await room.observer.look(redemption.id)
    assert await room.observer.look(redemption.id)
    assert await room.balance() == (OPENING, 0)
    assert await lines(room) == [*fee, ("purchase", PRICE), ("refund", -PRICE)]
    await room.require_clean_books()


async def test_a_lost_answer_to_our_cancellation_is_booked_as_the_look_up_tells_it(database: Database) -> None:
    partner = Telling()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.refund = Money(9_000, "CNY")
    ask = partial(room.effects.ask_reversal, redemption=redemption, reason="member_cancelled", at=room.clock.now())
    await database.write(ask)
    await room.sweeper.sweep()
    assert await room.balance() == (OPENING - 600, 0)
    room.clock.advance(seconds=10)
    await room.sweeper.sweep()
    found = await reversal(room, redemption)
    assert found is not None
    assert found.state is ReversalState.APPLIED
    assert await room.balance() == (OPENING, 0)
    assert await lines(room) == [("cancel_fee", 3_000), ("purchase", PRICE), ("refund", -PRICE)]
    await room.require_clean_books()


RULES = [
    (Cancellation(free_until_hours=2), 600),
    (Cancellation(refund_after=Rate(3, 1)), 200),
    (Cancellation(), None),
]


async def unknown_and_not_wanted(room: Room) -> Redemption:
    """Redeem what nobody knows the outcome of, and want it no more."""
    redemption = await room.redeem()
    assert redemption.state is State.UNKNOWN
    ask = partial(store.ask_withdrawal, redemption_id=redemption.id, at=room.clock.now())
    assert await room.database.write(ask)
    return redemption


@pytest.mark.parametrize(("rule", "back"), RULES)
async def test_a_wish_while_undecided_gives_back_what_the_rule_gave_then(
    database: Database, rule: Cancellation, back: int | None
) -> None:
    partner = LookingUpPartner()
    partner.scripts.append(lost)
    partner.look_ups.extend([LookUpAnswer.UNKNOWN, LookUpAnswer.ISSUED])
    room = await open_room(database, changing=changed(cancellation=rule), skyhub_lounge=partner)
    redemption = await unknown_and_not_wanted(room)
    for _ in range(2):
        room.clock.advance(seconds=30)
        await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.CAPTURED
    found = await reversal(room, redemption)
    assert (None if found is None else (found.reason, found.quantity)) == (back and ("withdrawn_meanwhile", back))


@pytest.mark.parametrize(("rule", "back"), RULES)
async def test_so_it_is_when_the_file_decides_after_the_service(
    database: Database, rule: Cancellation, back: int | None
) -> None:
    partner = PlainPartner()
    partner.scripts.append(lost)
    room = await open_room(database, changing=changed(cancellation=rule), skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=Facts())
    redemption = await unknown_and_not_wanted(room)
    room.clock.advance(seconds=3)
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.MANUAL
    room.clock.advance(seconds=timedelta(days=30).total_seconds())
    settle = partial(room.engine.settle, redemption_id=redemption.id, event=Event.FILE_SAYS_ISSUED, detail="file")
    assert await database.write(settle)
    found = await reversal(room, redemption)
    assert (None if found is None else (found.reason, found.quantity)) == (back and ("withdrawn_meanwhile", back))


async def test_what_is_fenced_off_comes_back_whole_whatever_the_rule(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(lost)
    room = await open_room(database, changing=changed(cancellation=Cancellation()), skyhub_lounge=partner)
    redemption = await unknown_and_not_wanted(room)
    for _ in range(3):
        room.clock.advance(seconds=30)
        await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.VOIDED
    assert await room.balance() == (OPENING, 0)
