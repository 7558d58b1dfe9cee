"""OP-08 in one process: what a later version of the code wrote is left to it, and all else goes on."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import msgspec
import pytest

from adapters.sdk.records import LookUpResult, ReservationRequest
from config.database import Database
from config.errors import NotFoundError
from gateway.cli.audit import live_hold_keys
from gateway.errors import TransitionError
from gateway.operations.overdue import open_of
from gateway.redemption import reversal_store, store
from gateway.redemption.records import Redemption
from gateway.redemption.states import Event, ReversalState, State
from gateway.redemption.tables import attempts, quotes, redemption_history, redemptions, reversals
from settlement.audit import audit
from tests.support.later import LATER, any_word, change, kept, widen
from tests.support.partners import FencingPartner, granted_then_lost
from tests.support.room import MEMBER, OPENING, Room, open_room


@pytest.fixture
async def partner() -> FencingPartner:
    return FencingPartner()


@pytest.fixture
async def room(database: Database, partner: FencingPartner) -> Room:
    await database.write(lambda connection: any_word(connection, redemptions, reversals))
    return await open_room(database, skyhub_lounge=partner)


async def undecided(room: Room, partner: FencingPartner) -> Redemption:
    """Redeem at a partner whose answer is lost."""
    partner.scripts.append(granted_then_lost)
    redemption = await room.redeem()
    assert redemption.state is State.UNKNOWN
    return redemption


async def test_op_08_what_a_later_version_wrote_is_left_to_it_and_all_else_ends(
    room: Room, partner: FencingPartner
) -> None:
    mine, state, service, traveller = [await undecided(room, partner) for _ in range(4)]
    theirs = (state, service, traveller)
    await room.database.write(change(redemptions, state.id, state=LATER))
    await room.database.write(widen(quotes, "service", service.quote.id))
    await room.database.write(widen(redemptions, "traveller", traveller.id))
    before = [await room.database.read(partial(kept, one.id)) for one in theirs]
    partner.keys.clear()
    for minutes in (2, 2, 60):
        room.clock.advance(minutes=minutes)
        await room.sweeper.sweep()
    assert (await room.get(mine.id)).state is State.CAPTURED
    assert [await room.database.read(partial(kept, one.id)) for one in theirs] == before
    assert len(partner.calls) == 5  # four that were lost, and one look at what is ours
    shown = [await room.get(one.id) for one in theirs]
    assert [(one.state, one.newer, one.quote.service) for one in shown] == [
        (State.UNKNOWN, True, mine.quote.service)
    ] * 3
    now = room.clock.now()
    assert {one.id for one in (await room.database.read(partial(open_of, now=now))).overdue} == {
        one.id for one in theirs
    }


async def test_op_08_a_member_s_wish_is_kept_for_the_version_that_can_fulfil_it(
    room: Room, partner: FencingPartner
) -> None:
    theirs = await undecided(room, partner)
    await room.database.write(change(redemptions, theirs.id, state=LATER))
    now = room.clock.now()
    assert await room.database.write(partial(store.ask_withdrawal, redemption_id=theirs.id, at=now))
    await room.engine.advance(theirs.id)
    found = await room.get(theirs.id)
    assert (found.withdrawal_asked_at, found.version, partner.calls) == (now, theirs.version, ["book"])
    move = partial(store.move, event=Event.PARTNER_OK, at=now, next_action_at=None)
    with pytest.raises(TransitionError, match="later version"):
        await room.database.write(partial(move, redemption=found))
    read_before = msgspec.structs.replace(found, newer=False)
    with pytest.raises(TransitionError, match="moved on"):
        await room.database.write(partial(move, redemption=read_before))
    assert await room.balance() == (OPENING - 600, 600)


async def test_op_08_the_audit_knows_a_hold_that_a_later_version_waits_with(
    room: Room, partner: FencingPartner
) -> None:
    theirs = await undecided(room, partner)
    await room.database.write(change(redemptions, theirs.id, state=LATER))
    report = await room.database.read(lambda connection: audit(connection, live_hold_keys=live_hold_keys(connection)))
    assert (report.findings, report.open_holds) == ((), (f"{theirs.id}:hold",))


async def test_op_08_a_reversal_of_a_later_version_is_left_to_it(room: Room, partner: FencingPartner) -> None:
    captured = await room.redeem()
    ask = partial(reversal_store.ask, redemption=captured, quantity=600, reason="asked", at=room.clock.now())
    await room.database.write(partial(ask, head_start=timedelta()))
    await room.database.write(change(reversals, captured.id, state=LATER))
    before = await room.database.read(partial(kept, captured.id))
    for _ in range(3):
        await room.sweeper.sweep()
        await room.reversals.advance(captured.id, 1)
        room.clock.advance(hours=1)
    assert await room.database.read(partial(kept, captured.id)) == before
    (found,) = await room.database.read(partial(reversal_store.of_redemption, redemption_id=captured.id))
    assert (found.state, found.newer) == (ReversalState.UNKNOWN, True)


async def test_op_08_an_event_and_an_outcome_of_a_later_version_are_no_proof(
    room: Room, partner: FencingPartner
) -> None:
    redemption = await undecided(room, partner)
    await room.database.write(change(attempts, redemption.id, outcome=LATER))
    situation = await room.database.read(partial(room.engine._ordering.situation, redemption=redemption))
    assert (situation.maybe_sent, situation.submissions, situation.refused) == (True, 1, False)

    async def meanwhile() -> None:
        """A later version ends it while we look, for a reason that we do not know."""
        await room.database.write(change(redemption_history, redemption.id, event=LATER))
        await room.database.write(change(redemptions, redemption.id, state="voided", version=redemption.version + 1))

    asked = partner.look_up

    async def look_up(request: ReservationRequest) -> LookUpResult:
        await meanwhile()
        return await asked(request)

    partner.look_up = look_up  # type: ignore[method-assign]
    await room.engine.advance(redemption.id)
    assert (await room.get(redemption.id)).state is State.VOIDED
    assert [row["event"] for row in await room.database.read(partial(store.history, redemption_id=redemption.id))] == [
        LATER
    ] * 3


async def test_op_08_a_quote_that_only_a_later_version_understands_is_not_redeemed_here(room: Room) -> None:
    quote = await room.quote()
    await room.database.write(widen(quotes, "service", quote.id))
    with pytest.raises(NotFoundError):
        await room.database.write(partial(room.intake.take_in, quote_id=quote.id, member_id=MEMBER))
