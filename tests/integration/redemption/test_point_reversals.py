"""A conversion is taken back at a partner that reverses credits: once, by the outcomes, and never by a guess."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from adapters.sdk.account_records import PointsReversal
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, Mileage, ReservationRequest
from config.database import Database
from gateway.redemption import reversal_store
from gateway.redemption.patience import JITTER
from gateway.redemption.plan import MAX_BUSY
from gateway.redemption.records import Redemption
from gateway.redemption.reversal_engine import ReversalEngine
from gateway.redemption.states import ReversalState
from gateway.redemption.tables import attempts
from tests.integration.redemption.test_conversion_corrections import converted as taken_and_credited
from tests.support.partners import CAPABILITIES, PlainPartner, connected
from tests.support.room import OPENING, Room, open_room

PARTNER = "skyward-miles"


class SilentPartner(PlainPartner):
    """Takes credits back by its own reference, as scripted, asks to be left alone for a while, and cannot be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[PointsReversal] = []
        self.outcomes: list[Outcome] = []
        self.pauses: list[int | None] = []

    async def reverse_credit(self, request: PointsReversal) -> CancelResult:
        self.asked.append(request)
        return CancelResult(
            outcome=self.outcomes.pop(0) if self.outcomes else Outcome.OK, retry_after_seconds=self.pause()
        )

    def pause(self) -> int | None:
        return self.pauses.pop(0) if self.pauses else None


class ReversingPartner(SilentPartner):
    """Is looked up besides."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[LookUpAnswer] = []

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        answer = self.answers.pop(0) if self.answers else LookUpAnswer.ISSUED
        return LookUpResult(answer=answer, retry_after_seconds=self.pause())


CAPABILITIES[SilentPartner] = ("reserves", "credits_points")
CAPABILITIES[ReversingPartner] = ("reserves", "looks_up", "credits_points")


async def converted(database: Database, partner: SilentPartner) -> tuple[Room, Redemption]:
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


async def killed_after_the_order(room: Room, redemption: Redemption) -> None:
    """Order the call that is due, as a process that dies before it records anything, and let its lease end."""
    name = redemption.partner
    room.partners[name] = connected(room.partners[name].adapter, partner=name, deadline_seconds=0.01)  # type: ignore[arg-type]
    standing = await room.database.read(partial(reversal_store.standing, redemption_id=redemption.id))
    assert standing is not None
    order = await room.database.write(partial(room.reversals._prepare, redemption.id, standing.number, "dead"))
    assert order is not None
    await asyncio.sleep(0.05)
    room.clock.advance(seconds=3600)


@pytest.mark.parametrize("kind", [SilentPartner, ReversingPartner])
async def test_a_reversal_whose_process_was_killed_is_asked_again_as_a_repeat(
    database: Database, kind: type[SilentPartner]
) -> None:
    partner = kind()
    partner.outcomes = [Outcome.NOT_SENT]
    room, redemption = await converted(database, partner)
    await swept(room, 1)
    await killed_after_the_order(room, redemption)
    await swept(room)
    assert [asked.repeated for asked in partner.asked] == [False, True]
    assert len({asked.key for asked in partner.asked}) == 1
    assert await state(room, redemption) is ReversalState.APPLIED
    await room.require_clean_books()


async def test_killed_at_the_first_call_there_is_no_first_call_any_more(database: Database) -> None:
    partner = SilentPartner()
    room, redemption = await converted(database, partner)
    await killed_after_the_order(room, redemption)
    await swept(room)
    assert [asked.repeated for asked in partner.asked] == [True]
    seen = sa.select(attempts.c.operation, attempts.c.outcome).where(attempts.c.operation.like("reverse:%"))
    rows = await database.read(lambda c: [tuple(row) for row in c.execute(seen.order_by(attempts.c.number))])
    assert rows == [("reverse:1:cancel", None), ("reverse:1:cancel", "ok")]


@pytest.mark.parametrize("first", [Outcome.NOT_SENT, Outcome.BUSY])
async def test_what_cannot_have_arrived_makes_no_repeat(database: Database, first: Outcome) -> None:
    partner = SilentPartner()
    partner.outcomes = [first, first, Outcome.UNKNOWN, Outcome.OK]
    room, redemption = await converted(database, partner)
    await swept(room)
    assert [asked.repeated for asked in partner.asked] == [False, False, False, True]
    assert await state(room, redemption) is ReversalState.APPLIED


async def waits(room: Room, redemption: Redemption) -> timedelta:
    found = await room.database.read(partial(reversal_store.latest, redemption_id=redemption.id))
    assert found is not None
    assert found.next_action_at is not None
    return found.next_action_at - room.clock.now()


@pytest.mark.parametrize(
    ("told", "waited"), [(600, timedelta(seconds=600)), (7200, MAX_BUSY), (-5, timedelta()), (0, timedelta())]
)
async def test_a_partner_that_asks_to_wait_is_left_alone_for_so_long(
    database: Database, told: int, waited: timedelta
) -> None:
    partner = ReversingPartner()
    partner.outcomes, partner.answers = [Outcome.BUSY, Outcome.UNKNOWN], [LookUpAnswer.UNKNOWN]
    partner.pauses = [told, None, told]
    room, redemption = await converted(database, partner)
    await room.sweeper.sweep()
    assert await waits(room, redemption) == waited, "told by the cancellation"
    room.clock.advance(seconds=waited.total_seconds())
    await room.sweeper.sweep()
    room.clock.advance(seconds=3600)
    await room.sweeper.sweep()
    assert await waits(room, redemption) == waited, "told by the look-up"


async def test_reversals_that_failed_together_are_not_asked_again_together(database: Database) -> None:
    partner = SilentPartner()
    partner.outcomes = [Outcome.BUSY, Outcome.BUSY]
    room, redemption = await converted(database, partner)
    first, second, *_ = room.seams.settings.retry_schedule_seconds
    for schedule, dice in ((first, 0.5), (second, 1.0)):
        engine = ReversalEngine(room.seams, jitter=partial(float, dice))
        await engine.advance_standing(redemption.id)
        assert await waits(room, redemption) == timedelta(seconds=schedule * (1 + JITTER * dice))
        room.clock.advance(seconds=3600)
