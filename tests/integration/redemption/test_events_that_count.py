"""Rule R9's exception: events of a partner that cannot be asked, by their own number; and rule R13: nobody came."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from adapters.sdk.manifest import Facts
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import CANCELLED_EVENT, CONFIRMED_EVENT, PartnerEvent, ReservationRequest, StepResult
from catalogue.benefits_cancellation import Cancellation
from catalogue.values import Rate
from config.database import Database
from gateway.operations.alarms import list_alarms
from gateway.redemption import store
from gateway.redemption.no_shows import not_shown
from gateway.redemption.states import State
from gateway.redemption.tables import outbox
from gateway.services.undecided import not_shown_by_file
from gateway.webhooks import inbox
from gateway.webhooks.worker import InboxWorker
from tests.integration.redemption.test_benefit_terms import changed
from tests.integration.redemption.test_files import listed
from tests.support.clocks import START
from tests.support.partners import CAPABILITIES, Book, FencingPartner, PlainPartner, connected, granted_then_lost
from tests.support.room import OPENING, PARTNER, Room, open_room

DAY = date(2026, 11, 22)


class TellingPartner(PlainPartner):
    """Cannot be asked, and tells by callbacks whose body is ``kind number key``."""

    def verify_webhook(self, headers: object, body: bytes, secrets: tuple[str, ...], now: int) -> str:
        return "unused"

    def read_webhook(self, message_id: str, body: bytes) -> PartnerEvent | None:
        kind, number, key = body.decode().split()
        return PartnerEvent(
            event_id=message_id,
            kind=kind,
            reference=key,
            occurred_at=START,
            sequence=None if number == "-" else int(number),
            partner_reference="P-9",
        )


CAPABILITIES[TellingPartner] = ("reserves", "receives_webhooks")


class Told:
    """A room with one redemption whose answer was lost, and what the partner tells of it."""

    def __init__(self, room: Room, redemption_id: str) -> None:
        self.room = room
        self.id = redemption_id
        self.worker = InboxWorker(room.database, room.clock, room.partners, room.observer)
        self.count = 0

    async def tell(self, kind: str, number: int | None) -> State:
        """Receive an event and work it off; answer where the redemption stands."""
        self.count += 1
        key = (await self.room.get(self.id)).partner_key
        body = f"{kind} {'-' if number is None else number} {key}".encode()
        received = partial(
            inbox.receive,
            new_id=self.room.identifiers.new("event"),
            partner=PARTNER,
            message_id=f"m{self.count}",
            body=body,
            at=self.room.clock.now(),
        )
        await self.room.database.write(received)
        await self.worker.work()
        return (await self.room.get(self.id)).state


async def told(database: Database) -> Told:
    partner = TellingPartner()
    partner.scripts.append(granted_then_lost)
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=Facts())
    redemption = await room.redeem()
    assert redemption.state is State.UNKNOWN
    return Told(room, redemption.id)


async def test_a_numbered_confirmation_captures_and_the_same_again_does_nothing(database: Database) -> None:
    here = await told(database)
    assert await here.tell(CONFIRMED_EVENT, None) is State.UNKNOWN, "without a number it is a hint, and nobody to ask"
    assert await here.tell("reservation.pondered", 3) is State.UNKNOWN
    assert await here.tell(CONFIRMED_EVENT, 4) is State.CAPTURED
    assert (await here.room.get(here.id)).partner_reference == "P-9"
    assert await here.room.balance() == (OPENING - 600, 0)
    for number in (3, 4):
        assert await here.tell(CANCELLED_EVENT, number) is State.CAPTURED
        assert await here.room.balance() == (OPENING - 600, 0), "older than what is known"
    assert await here.tell(CANCELLED_EVENT, 5) is State.CAPTURED
    assert await here.room.balance() == (OPENING, 0)
    assert await here.tell(CANCELLED_EVENT, 6) is State.CAPTURED
    assert await here.room.balance() == (OPENING, 0), "once"
    await here.room.require_clean_books()


async def alarms(here: Told) -> list[tuple[str, str, int]]:
    found = await here.room.database.read(partial(list_alarms, limit=9))
    return [(one.kind, one.facts.get("told", ""), one.times) for one in found]


async def test_what_may_not_count_is_shown_to_people_when_it_is_news(database: Database) -> None:
    here = await told(database)
    assert await here.tell(CONFIRMED_EVENT, None) is State.UNKNOWN
    assert await alarms(here) == [("event_for_people", CONFIRMED_EVENT, 1)]
    (alarm,) = await here.room.database.read(partial(list_alarms, limit=9))
    assert (alarm.subject, alarm.facts["partner_reference"], alarm.facts["state"]) == (here.id, "P-9", "unknown")
    assert await here.tell(CONFIRMED_EVENT, 4) is State.CAPTURED
    assert await here.tell(CONFIRMED_EVENT, None) is State.CAPTURED
    assert await here.tell(CANCELLED_EVENT, 3) is State.CAPTURED
    assert await alarms(here) == [("event_for_people", CONFIRMED_EVENT, 1)], "known, or older than what counted"
    assert await here.tell(CANCELLED_EVENT, None) is State.CAPTURED
    assert await alarms(here) == [("event_for_people", CANCELLED_EVENT, 2)], "it stands here and not there"
    assert await here.tell(CANCELLED_EVENT, 5) is State.CAPTURED
    assert await here.tell(CANCELLED_EVENT, None) is State.CAPTURED
    assert await alarms(here) == [("event_for_people", CANCELLED_EVENT, 2)]


async def test_a_callback_that_nothing_can_be_done_with_is_an_alarm_when_it_is_dead(database: Database) -> None:
    here = await told(database)
    receive = partial(
        inbox.receive,
        new_id=here.room.identifiers.new("event"),
        partner=PARTNER,
        message_id="stray",
        body=f"{CONFIRMED_EVENT} - nobody".encode(),
        at=here.room.clock.now(),
    )
    await here.room.database.write(receive)
    for _ in range(inbox.TRIES):
        assert await alarms(here) == []
        await here.worker.work()
        here.room.clock.advance(days=2)
    assert await alarms(here) == [("callback_dead", "", 1)]


async def test_a_voided_redemption_is_moved_by_no_event(database: Database) -> None:
    def refused(_book: Book, _request: ReservationRequest) -> StepResult:
        return StepResult(outcome=Outcome.NO, code="sold_out")

    partner = TellingPartner()
    partner.scripts.append(refused)
    room = await open_room(database, skyhub_lounge=partner)
    here = Told(room, (await room.redeem()).id)
    assert await here.tell(CONFIRMED_EVENT, 9) is State.VOIDED
    assert await room.balance() == (OPENING, 0)
    assert await alarms(here) == [("event_for_people", CONFIRMED_EVENT, 1)], "but people see it"


async def test_a_partner_that_can_be_asked_is_asked_whatever_the_number(database: Database) -> None:
    class Asked(FencingPartner):
        read_webhook = TellingPartner.read_webhook
        verify_webhook = TellingPartner.verify_webhook

    CAPABILITIES[Asked] = ("reserves", "looks_up", "fences", "receives_webhooks")
    partner = Asked()
    room = await open_room(database, skyhub_lounge=partner)
    here = Told(room, (await room.redeem()).id)
    assert await here.tell(CANCELLED_EVENT, 9) is State.CAPTURED
    assert await room.balance() == (OPENING - 600, 0), "the look-up says that it stands"


@pytest.mark.parametrize(("share", "back"), [(Rate(3, 1), 200), (None, 0)])
async def test_nobody_came_what_the_rule_gives_back_is_posted_once(
    database: Database, share: Rate | None, back: int
) -> None:
    terms = Cancellation(refund_after=share, no_show=share)
    room = await open_room(database, changing=changed(cancellation=terms), skyhub_lounge=FencingPartner())
    redemption, other = await room.redeem(points=600), await room.redeem(points=10)
    await listed(room, redemption, DAY, "P-1", status="no_show")
    find = partial(not_shown_by_file, partner=PARTNER, business_date=DAY)
    assert await database.read(find) == (redemption.id,)
    post = partial(not_shown, effects=room.effects, redemption=redemption, at=room.clock.now())
    assert await database.write(post)
    assert not await database.write(post), "told once, given back once"
    assert await room.balance() == (OPENING - 610 + back, 0)
    events = sa.select(sa.func.count()).where(outbox.c.type == "redemption.no_show")
    assert await database.read(lambda connection: connection.execute(events).scalar_one()) == 1
    assert (await room.get(other.id)).state is State.CAPTURED
    await room.require_clean_books()


async def test_what_was_cancelled_before_is_no_no_show(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption = await room.redeem()
    await database.write(partial(room.effects.ask_reversal, redemption=redemption, reason="t", at=room.clock.now()))
    await room.sweeper.sweep()
    current = await database.read(partial(store.must_get, redemption_id=redemption.id))
    post = partial(not_shown, effects=room.effects, redemption=current, at=room.clock.now() + timedelta(days=9))
    assert not await database.write(post)
