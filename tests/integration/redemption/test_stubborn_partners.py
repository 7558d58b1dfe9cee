"""Partners that never answer well, look up too early, or grant twice: the whole engine, for every profile.

The partners are those of `tests.support.faulty_partners` on a quiet line, each with one fault of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random

import pytest
import sqlalchemy as sa

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, ReservationRequest, StepResult
from config.database import Database
from gateway.operations import switches
from gateway.operations.alarms import Alarm, list_alarms
from gateway.redemption.orders import Order
from gateway.redemption.plan import MAX_SUBMISSIONS
from gateway.redemption.records import Redemption
from gateway.redemption.states import State
from gateway.redemption.suspicions import BY_THE_GATEWAY
from gateway.redemption.tables import outbox
from settlement.ledger import expire_lots
from tests.support.faulty_partners import FACTS, LINES, Ledger, Life, Line
from tests.support.partners import connected
from tests.support.room import OPENING, PARTNER, Room, open_room

Judge = Callable[[ReservationRequest], StepResult]
TIMEOUT = StepResult(outcome=Outcome.UNKNOWN, code="timeout")


class Stubborn:
    """A room around a partner of a profile; ``keys`` are those of every request that reached it."""

    def __init__(self, room: Room, ledger: Ledger) -> None:
        self.room = room
        self.ledger = ledger
        self.keys: list[str] = []

    def judge_by(self, judge: Judge) -> None:
        """Let every request be judged so."""

        def process(request: ReservationRequest) -> StepResult:
            self.keys.append(request.key)
            return judge(request)

        self.ledger.process = process  # type: ignore[method-assign]

    async def pass_time(self, redemption: Redemption, minutes: int = 30) -> Redemption:
        """Let the sweeper work until the redemption rests, or so many minutes have passed."""
        until = self.room.clock.now() + timedelta(minutes=minutes)
        while redemption.next_action_at is not None and self.room.clock.now() < until:
            self.room.clock.advance(seconds=45)
            if redemption.next_action_at <= self.room.clock.now():
                await self.room.sweeper.sweep()
                redemption = await self.room.get(redemption.id)
        return redemption

    async def alarms(self) -> list[Alarm]:
        return await self.room.database.read(partial(list_alarms, limit=99))


async def stubborn(database: Database, profile: str, deadline_seconds: float = 1.0) -> Stubborn:
    room = await open_room(database)
    ledger = Ledger(FACTS[profile], room.clock, Random(1), troubled=False)
    adapter: Line = LINES[profile](ledger, Life())
    room.partners[PARTNER] = connected(
        adapter, partner=PARTNER, facts=FACTS[profile], deadline_seconds=deadline_seconds
    )
    assert room.partners[PARTNER].manifest.profile == profile
    return Stubborn(room, ledger)


ENDS_OF_500 = {
    "A": (State.VOIDED, MAX_SUBMISSIONS),
    "B": (State.VOIDED, MAX_SUBMISSIONS),
    "C": (State.MANUAL, MAX_SUBMISSIONS),
    "D": (State.VOIDED, 1),
    "E": (State.MANUAL, 1),
    "F": (State.VOIDED, MAX_SUBMISSIONS),
    "G": (State.MANUAL, 1),
}
"""Where a partner of a profile that always answers 500 leaves a redemption, and how often it is asked."""


@pytest.mark.parametrize("profile", ENDS_OF_500)
async def test_nw_07_500_for_ever_is_asked_to_the_limit_and_then_fenced(database: Database, profile: str) -> None:
    here = await stubborn(database, profile)
    here.judge_by(lambda _request: StepResult(outcome=Outcome.UNKNOWN, code="status_500"))
    redemption = await here.room.redeem()
    assert redemption.state is State.UNKNOWN
    ended = await here.pass_time(redemption)
    assert (ended.state, len(here.keys)) == ENDS_OF_500[profile]
    assert set(here.keys) == {redemption.partner_key}
    assert await here.room.balance() == ((OPENING, 0) if ended.state is State.VOIDED else (OPENING - 600, 600))
    if ended.state is State.VOIDED and profile != "B":
        assert here.ledger.tombstones == {redemption.partner_key}, "nothing can be granted later"
    await here.room.require_clean_books()


async def die_submitting(room: Room) -> str:
    """Take in a redemption and order its commit step, as a process that dies in that call."""
    redemption_id = await room.take_in()
    order: object = await room.database.write(partial(room.engine._prepare, redemption_id, "dead"))
    while isinstance(order, Order) and not (order.step is not None and order.step.commit):
        result = await room.engine._call(order)
        order = await room.database.write(partial(room.engine._record, order, result, "dead"))
    return redemption_id


@pytest.mark.parametrize("profile", LINES)
async def test_lg_09_no_clock_releases_what_a_partner_may_still_grant(database: Database, profile: str) -> None:
    here = await stubborn(database, profile, deadline_seconds=0.01)
    room = here.room
    here.ledger.look_up = lambda key: LookUpResult(answer=LookUpAnswer.UNKNOWN)  # type: ignore[method-assign]
    here.ledger.fence = lambda key: CancelResult(outcome=Outcome.UNKNOWN)  # type: ignore[method-assign]
    here.judge_by(lambda _request: StepResult(outcome=Outcome.PENDING))
    queued = (await room.redeem()).id
    here.judge_by(lambda _request: TIMEOUT)
    lost, killed = (await room.redeem()).id, await die_submitting(room)

    async def states() -> list[State]:
        return [(await room.get(one)).state for one in (queued, lost, killed)]

    assert await states() == [State.ACCEPTED, State.UNKNOWN, State.SUBMITTING]
    await asyncio.sleep(0.05)
    for step in (*[timedelta(minutes=1)] * 20, *[timedelta(hours=6)] * 8, *[timedelta(days=20)] * 20):
        room.clock.advance(seconds=step.total_seconds())
        await room.sweeper.sweep()
        await database.write(partial(expire_lots, at=room.clock.now()))
        assert (await room.balance())[1] == 3 * 600
    assert await states() == [State.CANCELLING if profile in "ADF" else State.MANUAL] * 3
    assert await room.balance() == (0, 3 * 600), "what is held outlives its lot"
    await room.require_clean_books()


@pytest.mark.parametrize("profile", LINES)
async def test_nw_25_a_look_up_that_does_not_know_yet_voids_nothing(database: Database, profile: str) -> None:
    here = await stubborn(database, profile)
    ledger, process, look_up = here.ledger, here.ledger.process, here.ledger.look_up

    def granted_and_lost_first(request: ReservationRequest) -> StepResult:
        known = request.key in ledger.granted
        result = process(request)
        return result if known else TIMEOUT

    def a_minute_late(key: str) -> LookUpResult:
        seen = ledger.granted_at[key] + timedelta(seconds=60) <= here.room.clock.now()
        return look_up(key) if seen else LookUpResult(answer=LookUpAnswer.NOT_FOUND)

    here.judge_by(granted_and_lost_first)
    ledger.look_up = a_minute_late  # type: ignore[method-assign]
    redemption = await here.room.redeem()
    assert redemption.state is State.UNKNOWN
    ended = await here.pass_time(redemption)
    assert ended.state is (State.MANUAL if profile == "G" else State.CAPTURED)
    assert (set(here.keys), ledger.granted) == ({redemption.partner_key}, {redemption.partner_key: 1})
    assert not ledger.cancelled_at
    await here.room.require_clean_books()


async def test_nw_24_a_partner_that_grants_twice_is_not_asked_twice_again(database: Database) -> None:
    here = await stubborn(database, "A")
    ledger, look_up = here.ledger, here.ledger.look_up

    def grants_each_time(request: ReservationRequest) -> StepResult:
        ledger._grant(request.key)
        return TIMEOUT

    def shows_all(key: str) -> LookUpResult:
        if ledger.granted[key] < 2:
            return LookUpResult(answer=LookUpAnswer.NOT_FOUND)
        return LookUpResult(answer=look_up(key).answer, copies=ledger.granted[key], partner_reference="P-1")

    here.judge_by(grants_each_time)
    ledger.look_up = shows_all  # type: ignore[method-assign]
    doubled = await here.pass_time(await here.room.redeem(), minutes=3)
    assert (doubled.state, ledger.granted) == (State.CAPTURED, {doubled.partner_key: 2}), "the member pays once"
    (alarm,) = await here.alarms()
    assert (alarm.kind, alarm.subject, alarm.partner) == ("granted_twice", doubled.id, PARTNER)
    switch = await database.read(partial(switches.read_switch, partner=PARTNER))
    assert switch.distrusted
    assert switch.last_change is not None
    assert (switch.last_change.change, switch.last_change.changed_by) == ("distrusted", BY_THE_GATEWAY)

    here.judge_by(lambda _request: TIMEOUT)
    ledger.look_up = lambda key: LookUpResult(answer=LookUpAnswer.NOT_FOUND)  # type: ignore[method-assign]
    here.keys.clear()
    after = await here.pass_time(await here.room.redeem())
    assert (after.state, here.keys) == (State.VOIDED, [after.partner_key]), "sent once, then fenced"

    mended = partial(switches.change, partner=PARTNER, what="trusted", reason="mended, ticket 7", by="ann")
    await database.write(partial(mended, at=here.room.clock.now()))
    here.keys.clear()
    trusted = await here.pass_time(await here.room.redeem())
    assert here.keys == [trusted.partner_key] * MAX_SUBMISSIONS
    await here.room.require_clean_books()


@pytest.mark.parametrize("code", ["wrong_echo", "another_amount"])
async def test_nw_21_an_answer_about_something_else_is_unknown_and_an_alarm(database: Database, code: str) -> None:
    here = await stubborn(database, "A")
    here.judge_by(lambda _request: StepResult(outcome=Outcome.UNKNOWN, code=code))
    here.ledger.look_up = lambda key: LookUpResult(  # type: ignore[method-assign]
        answer=LookUpAnswer.UNKNOWN, code="wrong_echo"
    )
    redemption = await here.room.redeem()
    assert (redemption.state, await here.room.balance()) == (State.UNKNOWN, (OPENING - 600, 600))
    (alarm,) = await here.alarms()
    assert (alarm.kind, alarm.partner, alarm.times) == ("wrong_echo", PARTNER, 1)
    assert alarm.facts == {"redemption_id": redemption.id, "operation": "book", "code": code}
    here.room.clock.advance(seconds=5)
    await here.room.sweeper.sweep()
    (alarm,) = await here.alarms()
    assert (alarm.times, alarm.facts["operation"]) == (2, "look_up")
    told = sa.select(outbox.c.seq).where(outbox.c.type == "alarm.wrong_echo").order_by(outbox.c.seq)
    assert await database.read(lambda connection: list(connection.execute(told).scalars())) == [1, 2]


async def test_an_answer_that_is_merely_lost_is_no_alarm(database: Database) -> None:
    here = await stubborn(database, "A")
    here.judge_by(lambda _request: TIMEOUT)
    await here.room.redeem()
    assert await here.alarms() == []
