"""A conversion is taken back at a partner that reverses credits: once, by the outcomes, and never by a guess."""

from __future__ import annotations

from functools import partial

import pytest

from adapters.sdk.account_records import PointsReversal
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, Mileage, ReservationRequest
from config.database import Database
from gateway.redemption import reversal_store
from gateway.redemption.records import Redemption
from gateway.redemption.states import ReversalState
from tests.integration.redemption.test_conversion_corrections import converted as taken_and_credited
from tests.support.partners import CAPABILITIES, PlainPartner
from tests.support.room import OPENING, Room, open_room

PARTNER = "skyward-miles"


class ReversingPartner(PlainPartner):
    """Takes credits back by its own reference, as scripted, and is looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[PointsReversal] = []
        self.outcomes: list[Outcome] = []
        self.answers: list[LookUpAnswer] = []

    async def reverse_credit(self, request: PointsReversal) -> CancelResult:
        self.asked.append(request)
        return CancelResult(outcome=self.outcomes.pop(0) if self.outcomes else Outcome.OK)

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        return LookUpResult(answer=self.answers.pop(0) if self.answers else LookUpAnswer.ISSUED)


CAPABILITIES[ReversingPartner] = ("reserves", "looks_up", "credits_points")


async def converted(database: Database, partner: ReversingPartner) -> tuple[Room, Redemption]:
    room = await open_room(database, skyward_miles=partner)
    redemption = await taken_and_credited(room, 1000, 800)
    await room.database.write(
        partial(room.effects.ask_reversal, redemption=redemption, reason="t", at=room.clock.now())
    )
    return room, redemption


async def swept(room: Room, times: int = 6) -> None:
    for _ in range(times):
        await room.sweeper.sweep()
        room.clock.advance(seconds=3600)


async def state(room: Room, redemption: Redemption) -> ReversalState:
    found = await room.database.read(partial(reversal_store.latest, redemption_id=redemption.id))
    assert found is not None
    return found.state


async def test_the_whole_credit_is_reversed_and_the_points_return(database: Database) -> None:
    partner = ReversingPartner()
    room, redemption = await converted(database, partner)
    await swept(room, 1)
    (asked,) = partner.asked
    service = redemption.quote.service
    assert isinstance(service, Mileage)
    assert (asked.quantity, asked.reversed_before, asked.repeated) == (service.quantity, 0, False)
    assert (asked.partner_reference, asked.original.key) == (redemption.partner_reference, redemption.partner_key)
    assert asked.key != redemption.partner_key
    assert await room.balance() == (OPENING, 0)
    assert await state(room, redemption) is ReversalState.APPLIED
    await room.require_clean_books()


@pytest.mark.parametrize(
    ("first", "seen"),
    [(Outcome.UNKNOWN, LookUpAnswer.CANCELLED), (Outcome.PENDING, LookUpAnswer.CANCELLED)],
)
async def test_a_lost_answer_is_looked_up_and_not_asked_again(
    database: Database, first: Outcome, seen: LookUpAnswer
) -> None:
    partner = ReversingPartner()
    partner.outcomes, partner.answers = [first], [seen]
    room, redemption = await converted(database, partner)
    await swept(room)
    assert len(partner.asked) == 1
    assert await state(room, redemption) is ReversalState.APPLIED
    assert await room.balance() == (OPENING, 0)


async def test_what_stands_after_a_lost_answer_is_asked_again_as_a_repeat_with_the_same_key(database: Database) -> None:
    partner = ReversingPartner()
    partner.outcomes = [Outcome.UNKNOWN, Outcome.OK]
    room, redemption = await converted(database, partner)
    await swept(room)
    assert [asked.repeated for asked in partner.asked] == [False, True]
    assert len({asked.key for asked in partner.asked}) == 1
    assert await state(room, redemption) is ReversalState.APPLIED


async def test_a_definite_no_leaves_everything_as_it_is(database: Database) -> None:
    partner = ReversingPartner()
    partner.outcomes = [Outcome.NO]
    room, redemption = await converted(database, partner)
    await swept(room)
    assert await state(room, redemption) is ReversalState.REFUSED
    assert await room.balance() == (OPENING - 1000, 0)
    await room.require_clean_books()
