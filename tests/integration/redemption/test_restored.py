"""CR-14: what a backup has as held may have been sent after it. Restored, it is never granted twice nor lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.capabilities import Step
from adapters.sdk.manifest import Facts, KeyFacts
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, ReservationRequest, StepResult
from config.database import Database
from config.errors import ConflictError, RuleError
from config.settings import DatabaseSettings
from gateway.errors import QuoteExpiredError
from gateway.operations import switches
from gateway.redemption import attempt_store, people, reversal_store, store
from gateway.redemption.records import Redemption
from gateway.redemption.restored import RESTORED, Restored, make_safe
from gateway.redemption.states import ReversalState, State
from gateway.services.itineraries import _place
from tests.integration.redemption.test_conversion_corrections import converted
from tests.integration.redemption.test_point_reversals import ReversingPartner, SilentPartner
from tests.support.backups import Backups
from tests.support.clocks import START
from tests.support.partners import (
    CAPABILITIES,
    Book,
    FencingPartner,
    LookingUpPartner,
    PlainPartner,
    connected,
    lost,
    no,
)
from tests.support.room import MEMBER, OPENING, OTHER_PARTNER, PARTNER, Room, open_room

LOST_SINCE = START + timedelta(seconds=1)
AGAIN = Facts(key=KeyFacts(field="key"), on_repeat="again")
"""A partner that is not idempotent."""


class BlindPartner(PlainPartner):
    """Fences by key and cannot be asked (profile F)."""

    async def fence(self, request: ReservationRequest) -> CancelResult:
        self.calls.append("fence")
        self.book.issued.pop(request.key, None)
        return CancelResult(outcome=Outcome.OK)


class CheckingPartner(LookingUpPartner):
    """Wants a room to be checked before it is booked, and its stock is scripted by ``sold_out``."""

    steps = (Step("check"), Step("book", commit=True))
    sold_out = False

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        if step == "book":
            return await super().run_step(step, request)
        self.calls.append(step)
        return StepResult(outcome=Outcome.NO if self.sold_out else Outcome.OK, code="checked")


CAPABILITIES[BlindPartner] = ("reserves", "fences")
CAPABILITIES[CheckingPartner] = ("reserves", "looks_up")


def again(book: Book, request: ReservationRequest) -> StepResult:
    """Grant once more, whatever was granted before."""
    book.issued[request.key] = book.issued.get(request.key, 0) + 1
    return StepResult(outcome=Outcome.OK, partner_reference="P-1")


@pytest.fixture
async def backups(database_url: str) -> AsyncIterator[Backups]:
    """The database of this test, and its backup."""
    kept = Backups(database_url)
    yield kept
    await kept.drop()


@asynccontextmanager
async def life(backups: Backups, facts: Facts | None = None, **adapters: Any) -> AsyncIterator[Room]:
    """Serve the database until the block ends."""
    database = await Database.open(DatabaseSettings(url=backups.url))
    try:
        room = await open_room(database, **adapters)
        if facts is not None:
            for partner, adapter in adapters.items():
                name = partner.replace("_", "-")
                room.partners[name] = connected(adapter, partner=name, facts=facts)
        yield room
    finally:
        await room.engine.close()
        await database.close()


async def safe(room: Room, *, lost_since: datetime = LOST_SINCE, dry_run: bool = False) -> Restored:
    """Do what the command does."""
    now = room.clock.now()
    work = partial(
        make_safe, partners=room.partners, effects=room.effects, lost_since=lost_since, now=now, dry_run=dry_run
    )
    return await (room.database.read(work) if dry_run else room.database.write(work))


async def granted_after_the_backup(backups: Backups, adapter: PlainPartner, facts: Facts | None = None) -> str:
    """Take a backup with one redemption held, let it be granted, and put the backup back."""
    async with life(backups, facts, skyhub_lounge=adapter) as room:
        redemption_id = await room.take_in()
    await backups.take()
    async with life(backups, facts, skyhub_lounge=adapter) as room:
        await room.engine.advance(redemption_id)
        assert (await room.get(redemption_id)).state is State.CAPTURED
    await backups.put_back()
    adapter.calls.clear()
    return redemption_id


async def swept(room: Room, *, times: int = 6, **step: float) -> None:
    for _ in range(times):
        await room.sweeper.sweep()
        room.clock.advance(**step)


@pytest.mark.parametrize("minutes", [5, 90], ids=["in_its_window", "after_it"])
async def test_cr_14_who_cannot_be_asked_is_never_sent_it_again_and_people_decide(
    backups: Backups, minutes: int
) -> None:
    partner = PlainPartner()
    partner.scripts.extend([again, again])
    redemption_id = await granted_after_the_backup(backups, partner, AGAIN)
    async with life(backups, AGAIN, skyhub_lounge=partner) as room:
        room.clock.advance(minutes=minutes)
        (suspect,) = (await safe(room)).redemptions
        assert (suspect.id, suspect.next_step) == (redemption_id, "give_to_people")
        await swept(room, minutes=20)
        redemption = await room.get(redemption_id)
        assert (redemption.state, redemption.reason) == (State.MANUAL, RESTORED)
        assert (partner.calls, list(partner.book.issued.values())) == ([], [1])
        assert await room.balance() == (OPENING - 600, 600), "neither lost nor given back by age"
        (case,) = await room.database.read(partial(people.cases, limit=10))
        assert (case.id, case.reason) == (redemption_id, RESTORED)
        sent_at = await room.database.read(partial(attempt_store.last_sent_at, redemption_id=redemption_id))
        assert sent_at == START + timedelta(minutes=min(minutes, 10)), "the last instant at which it can have been"
        await room.require_clean_books()


@pytest.mark.parametrize("minutes", [5, 90], ids=["in_its_window", "after_it"])
async def test_cr_14_who_can_be_asked_is_looked_up_first(backups: Backups, minutes: int) -> None:
    partner = LookingUpPartner()
    partner.scripts.extend([again, again])
    redemption_id = await granted_after_the_backup(backups, partner, AGAIN)
    async with life(backups, AGAIN, skyhub_lounge=partner) as room:
        room.clock.advance(minutes=minutes)
        assert [one.next_step for one in (await safe(room)).redemptions] == ["look_up"]
        await swept(room, minutes=1)
        assert (await room.get(redemption_id)).state is State.CAPTURED
        assert (partner.calls, list(partner.book.issued.values())) == (["look_up"], [1])
        assert await room.balance() == (OPENING - 600, 0)
        await room.require_clean_books()


async def test_who_fences_and_looks_up_takes_nothing_back_that_a_look_up_finds(backups: Backups) -> None:
    """Its deadline is over long since, and a fence would cancel what the member was told he has."""
    partner = FencingPartner()
    redemption_id = await granted_after_the_backup(backups, partner)
    async with life(backups, skyhub_lounge=partner) as room:
        room.clock.advance(hours=5)
        await safe(room)
        await swept(room, minutes=1)
        assert (await room.get(redemption_id)).state is State.CAPTURED
        assert (partner.calls, list(partner.book.issued.values())) == (["look_up"], [1])


async def test_cr_14_an_idempotent_partner_is_asked_again_under_the_same_key(backups: Backups) -> None:
    partner = BlindPartner()
    redemption_id = await granted_after_the_backup(backups, partner)
    async with life(backups, skyhub_lounge=partner) as room:
        room.clock.advance(minutes=5)
        assert [one.next_step for one in (await safe(room)).redemptions] == ["resubmit"]
        await swept(room, minutes=1)
        redemption = await room.get(redemption_id)
        assert redemption.state is State.CAPTURED
        assert (partner.calls, partner.keys) == (["book"], [redemption.partner_key] * 2)
        assert partner.book.issued == {redemption.partner_key: 1}
        outcomes = await room.database.read(partial(attempt_store.commit_outcomes, redemption_id=redemption_id))
        assert outcomes == ["unknown", "ok"]


async def test_the_no_to_what_may_be_a_repeat_is_not_believed(backups: Backups) -> None:
    """The first copy, of the lost window, may have taken the last room (rule R12)."""
    partner = BlindPartner()
    redemption_id = await granted_after_the_backup(backups, partner)
    partner.scripts.append(no)
    async with life(backups, skyhub_lounge=partner) as room:
        room.clock.advance(minutes=5)
        await safe(room)
        await swept(room, times=1)
        assert (await room.get(redemption_id)).state is State.UNKNOWN
        await swept(room, minutes=5)
        assert (await room.get(redemption_id)).state is State.VOIDED
        assert (partner.calls, partner.book.issued) == (["book", "fence"], {}), "fenced before the points return"
        assert await room.balance() == (OPENING, 0)


async def test_who_broke_his_promise_is_not_sent_it_again(backups: Backups) -> None:
    partner = BlindPartner()
    redemption_id = await granted_after_the_backup(backups, partner)
    async with life(backups, skyhub_lounge=partner) as room:
        room.clock.advance(minutes=5)
        at = room.clock.now()
        await room.database.write(
            partial(switches.change, partner=PARTNER, what="distrusted", reason="twice", by="ann", at=at)
        )
        assert [one.next_step for one in (await safe(room)).redemptions] == ["wait"]
        await swept(room, minutes=5)
        assert ((await room.get(redemption_id)).state, partner.calls) == (State.VOIDED, ["fence"])


async def test_a_check_that_finds_nothing_left_ends_nothing_that_may_have_been_booked(backups: Backups) -> None:
    partner = CheckingPartner()
    redemption_id = await granted_after_the_backup(backups, partner)
    partner.look_ups.append(LookUpAnswer.NOT_FOUND)
    partner.sold_out = True
    async with life(backups, skyhub_lounge=partner) as room:
        room.clock.advance(minutes=1)
        await safe(room)
        await swept(room, times=1, minutes=1)
        assert (partner.calls, (await room.get(redemption_id)).state) == (["look_up", "check"], State.UNKNOWN)
        await swept(room, minutes=1)
        assert (await room.get(redemption_id)).state is State.CAPTURED
        assert partner.calls == ["look_up", "check", "look_up"]


async def test_what_was_never_received_is_still_granted_where_that_is_safe(backups: Backups) -> None:
    partner = FencingPartner()
    async with life(backups, skyhub_lounge=partner) as room:
        redemption_id = await room.take_in()
    await backups.take()
    await backups.put_back()
    async with life(backups, skyhub_lounge=partner) as room:
        room.clock.advance(minutes=1)
        await safe(room)
        await swept(room, minutes=1)
        assert (await room.get(redemption_id)).state is State.CAPTURED
        assert partner.calls == ["look_up", "book"]


async def test_cr_14_a_repeated_request_for_a_quote_of_the_backup_grants_nothing_anew(backups: Backups) -> None:
    partner = PlainPartner()
    async with life(backups, AGAIN, skyhub_lounge=partner) as room:
        quote = await room.quote()
    await backups.take()
    async with life(backups, AGAIN, skyhub_lounge=partner) as room:
        taken = await room.database.write(partial(room.intake.take_in, quote_id=quote.id, member_id=MEMBER))
        await room.engine.advance(taken.id)
        assert partner.book.issued == {taken.partner_key: 1}
    await backups.put_back()
    async with life(backups, AGAIN, skyhub_lounge=partner) as room:
        room.clock.advance(minutes=1)
        assert (await safe(room, dry_run=True)).quotes_ended == 1
        assert (await safe(room)).quotes_ended == 1
        with pytest.raises(QuoteExpiredError):
            await room.database.write(partial(room.intake.take_in, quote_id=quote.id, member_id=MEMBER))
        assert partner.book.issued == {taken.partner_key: 1}
        room.clock.advance(seconds=1)
        assert (await safe(room)).quotes_ended == 0
        fresh = await room.quote()
        await room.database.write(partial(room.intake.take_in, quote_id=fresh.id, member_id=MEMBER))


async def held_trip(backups: Backups, **adapters: Any) -> tuple[list[Redemption], list[Any]]:
    """Take a backup of a trip whose two legs are held, put it back, and answer the legs and their adapters in order."""
    async with life(backups, **adapters) as room:
        quotes = (await room.quote(partner=OTHER_PARTNER), await room.quote())
        ids = tuple(quote.id for quote in quotes)
        placed = await room.database.write(partial(_place, cast("Any", room), MEMBER, ids, "all_or_nothing"))
        legs = await room.database.read(partial(store.legs, itinerary_id=str(placed.resource_id)))
    await backups.take()
    await backups.put_back()
    return legs, [adapters[leg.partner.replace("-", "_")] for leg in legs]


async def test_a_leg_is_looked_up_and_not_sent_again_before_its_turn(backups: Backups) -> None:
    adapters: dict[str, Any] = {"skyhub_lounge": FencingPartner(), "expedia_rapid": LookingUpPartner()}
    legs, (first, second) = await held_trip(backups, **adapters)
    async with life(backups, **adapters) as room:
        first.look_ups.extend([LookUpAnswer.UNKNOWN] * 2)
        room.clock.advance(minutes=1)
        assert len((await safe(room)).redemptions) == 2
        await swept(room, times=2, seconds=30)
        assert "book" not in second.calls
        await swept(room, minutes=1)
        assert [(await room.get(leg.id)).state for leg in legs] == [State.CAPTURED, State.CAPTURED]
        assert second.calls[-1] == "book"


async def test_a_leg_that_cannot_be_looked_up_waits_for_its_turn(backups: Backups) -> None:
    adapters: dict[str, Any] = {"skyhub_lounge": BlindPartner(), "expedia_rapid": BlindPartner()}
    legs, (first, second) = await held_trip(backups, **adapters)
    async with life(backups, **adapters) as room:
        first.scripts.append(lost)
        room.clock.advance(minutes=1)
        steps = {one.id: one.next_step for one in (await safe(room)).redemptions}
        assert [steps[leg.id] for leg in legs] == ["resubmit", "wait"]
        await swept(room, times=2, seconds=1)
        assert (first.calls, second.calls) == (["book"], [])
        await swept(room, minutes=1)
        assert [(await room.get(leg.id)).state for leg in legs] == [State.CAPTURED, State.CAPTURED]


async def everything(room: Room) -> list[Any]:
    """Read what the command may change."""

    def kept(connection: Connection) -> list[Any]:
        tables = ("redemptions", "attempts", "redemption_history", "reversals", "quotes", "outbox")
        return [connection.execute(sa.text(f"SELECT * FROM {name} ORDER BY 1, 2")).all() for name in tables]

    return await room.database.read(kept)


async def test_a_dry_run_and_a_second_time_change_nothing(backups: Backups) -> None:
    partner = SilentPartner()
    async with life(backups, AGAIN, skyhub_lounge=LookingUpPartner(), skyward_miles=partner) as room:
        held = await room.take_in()
        redemption = await converted(room, 1000, 800)
        await room.database.write(
            partial(room.effects.ask_reversal, redemption=redemption, reason="t", at=room.clock.now())
        )
        room.clock.advance(minutes=1)
        before = await everything(room)
        planned = await safe(room, dry_run=True)
        assert await everything(room) == before
        assert await safe(room) == planned
        assert ([one.id for one in planned.redemptions], planned.quotes_ended) == ([held], 1), "one quote lay unused"
        assert [(one.id, one.next_step) for one in planned.reversals] == [(f"{redemption.id}:reverse:1", "cancel")]
        done = await everything(room)
        assert done != before
        room.clock.advance(minutes=1)
        for _ in range(2):
            nothing = await safe(room)
            assert (nothing.redemptions, nothing.reversals, nothing.quotes_ended) == ((), (), 0)
            assert await everything(room) == done


async def test_an_instant_that_makes_no_sense_is_refused_and_nothing_is_changed(backups: Backups) -> None:
    async with life(backups, skyhub_lounge=PlainPartner()) as room:
        quote = await room.quote()
        room.clock.advance(minutes=1)
        await room.database.write(partial(room.intake.take_in, quote_id=quote.id, member_id=MEMBER))
        before = await everything(room)
        with pytest.raises(RuleError, match="has not come yet"):
            await safe(room, lost_since=room.clock.now() + timedelta(seconds=1))
        for early in (START - timedelta(seconds=1), START + timedelta(seconds=30)):
            with pytest.raises(ConflictError, match="too early, or the database has been served"):
                await safe(room, lost_since=early)
        assert await everything(room) == before


async def test_a_partner_that_is_switched_off_keeps_what_may_have_been_sent(backups: Backups) -> None:
    partner = PlainPartner()
    partner.scripts.extend([again, again])
    redemption_id = await granted_after_the_backup(backups, partner, AGAIN)
    async with life(backups) as room:
        room.clock.advance(minutes=20)
        assert [one.next_step for one in (await safe(room)).redemptions] == ["wait"]
        await swept(room, times=2, minutes=10)
        assert (await room.get(redemption_id)).state is State.UNKNOWN
    async with life(backups, AGAIN, skyhub_lounge=partner) as room:
        room.clock.advance(hours=1)
        await swept(room, times=1)
        assert (await room.get(redemption_id)).state is State.MANUAL
        assert list(partner.book.issued.values()) == [1]


async def test_what_nobody_wanted_any_more_was_never_sent_and_is_given_back(backups: Backups) -> None:
    partner = PlainPartner()
    async with life(backups, AGAIN, skyhub_lounge=partner) as room:
        redemption_id = await room.take_in()
        await room.database.write(partial(store.ask_withdrawal, redemption_id=redemption_id, at=room.clock.now()))
        room.clock.advance(minutes=1)
        assert (await safe(room)).redemptions == ()
        await swept(room, times=1)
        assert (await room.get(redemption_id)).state is State.VOIDED
        assert (partner.calls, await room.balance()) == ([], (OPENING, 0))


async def test_what_no_partner_is_ever_sent_goes_on(backups: Backups) -> None:
    partner = PlainPartner()
    async with life(backups, Facts(issues_nothing=True), skyhub_lounge=partner) as room:
        redemption_id = await room.take_in()
        room.clock.advance(minutes=1)
        done = await safe(room)
        assert (done.redemptions, done.goes_on) == ((), (redemption_id,))
        await swept(room, times=1)
        assert (await room.get(redemption_id)).state is State.CAPTURED


async def undone_after_the_backup(backups: Backups, partner: SilentPartner) -> Any:
    """Take a backup with an undoing asked for, let the partner do it, and put the backup back."""
    async with life(backups, skyward_miles=partner) as room:
        redemption = await converted(room, 1000, 800)
        await room.database.write(
            partial(room.effects.ask_reversal, redemption=redemption, reason="t", at=room.clock.now())
        )
    await backups.take()
    async with life(backups, skyward_miles=partner) as room:
        await room.sweeper.sweep()
        assert await room.balance() == (OPENING, 0)
    await backups.put_back()
    return redemption


async def undoing_of(room: Room, redemption_id: str) -> ReversalState:
    found = await room.database.read(partial(reversal_store.latest, redemption_id=redemption_id))
    assert found is not None
    return found.state


async def test_cr_14_an_undoing_is_asked_again_under_its_key_and_said_to_be_a_repeat(backups: Backups) -> None:
    """A partner judges a repeat otherwise: its NO may be of the copy, and is then no refusal."""
    partner = SilentPartner()
    redemption = await undone_after_the_backup(backups, partner)
    async with life(backups, skyward_miles=partner) as room:
        room.clock.advance(days=2)
        assert [one.next_step for one in (await safe(room)).reversals] == ["cancel"]
        await room.sweeper.sweep()
        assert [asked.repeated for asked in partner.asked] == [False, True]
        assert len({asked.key for asked in partner.asked}) == 1
        assert await undoing_of(room, redemption.id) is ReversalState.APPLIED
        assert await room.balance() == (OPENING, 0)
        await room.require_clean_books()


async def test_an_undoing_is_looked_up_first_where_that_is_possible(backups: Backups) -> None:
    partner = ReversingPartner()
    redemption = await undone_after_the_backup(backups, partner)
    partner.answers.append(LookUpAnswer.CANCELLED)
    async with life(backups, skyward_miles=partner) as room:
        room.clock.advance(days=2)
        assert [one.next_step for one in (await safe(room)).reversals] == ["look_up"]
        await room.sweeper.sweep()
        assert len(partner.asked) == 1, "asked once, in the lost window"
        assert await undoing_of(room, redemption.id) is ReversalState.APPLIED
        assert await room.balance() == (OPENING, 0)


async def test_an_undoing_that_was_looked_up_is_no_suspect_a_second_time(backups: Backups) -> None:
    partner = ReversingPartner()
    redemption = await undone_after_the_backup(backups, partner)
    async with life(backups, skyward_miles=partner) as room:
        room.clock.advance(minutes=1)
        assert len((await safe(room)).reversals) == 1
        await room.sweeper.sweep()
        assert await undoing_of(room, redemption.id) is ReversalState.REQUESTED, "the look-up says that it stands"
        assert (await safe(room)).reversals == ()


async def test_an_undoing_that_nobody_can_be_asked_for_is_left_to_people_as_it_is(backups: Backups) -> None:
    async with life(backups, AGAIN, skyhub_lounge=PlainPartner()) as room:
        redemption = await room.redeem()
        await room.database.write(
            partial(room.effects.ask_reversal, redemption=redemption, reason="t", at=room.clock.now())
        )
        room.clock.advance(minutes=1)
        assert (await safe(room)).reversals == ()
        await room.sweeper.sweep()
        assert await undoing_of(room, redemption.id) is ReversalState.MANUAL
