"""Who caused it decides what goes back: a partner that cancels, a cancel whose answer is lost, a wish while unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
import sqlalchemy as sa

from adapters.sdk.manifest import Facts
from adapters.sdk.outcomes import Outcome
from catalogue.benefits import PayWith
from catalogue.benefits_cancellation import Cancellation, RefundStep
from catalogue.entitlements_store import UseState
from catalogue.entitlements_windows import WindowKind
from catalogue.model import Catalogue
from catalogue.values import Money, Rate
from config.database import Database
from gateway.redemption import reversal_store
from gateway.redemption.effects import Effects
from gateway.redemption.records import Redemption, Reversal
from gateway.redemption.states import Event, ReversalState, State
from gateway.services import cancellations
from gateway.webhooks.worker import InboxWorker
from settlement.contracts import PartnerContract
from settlement.tables import settlement_lines
from tests.integration.redemption.test_benefit_terms import DAY, by_right, changed, room_of, take, uses
from tests.integration.redemption.test_events_that_count import Told
from tests.integration.redemption.test_hints import CallingPartner
from tests.integration.redemption.test_races import trip, withdraw
from tests.support.clocks import START
from tests.support.partners import (
    CAPABILITIES,
    FencingPartner,
    LookingUpPartner,
    PlainPartner,
    connected,
    granted_then_lost,
    lost,
    no,
)
from tests.support.room import OPENING, OTHER_PARTNER, PARTNER, Room, open_room

FREE = Cancellation(free_until_hours=1)
HALF = Cancellation(refund_after=Rate(2, 1))
NEVER = Cancellation()
FALLING = Cancellation(free_until_hours=100, steps=(RefundStep(until_hours=50, refund=Rate(3, 1)),))
"""Everything until 100 hours before the visit begins, then a third, then nothing."""
BEGINS = datetime(2026, 11, 30, 16, tzinfo=UTC)
"""When the visit's day begins in Shanghai."""


async def lines(room: Room) -> dict[str, int]:
    line = settlement_lines.c
    query = sa.select(line.kind, sa.func.sum(line.gross)).group_by(line.kind)
    return dict(await room.database.read(lambda c: [(kind, int(gross)) for kind, gross in c.execute(query)]))


async def reversals(room: Room, redemption_id: str) -> list[tuple[str, int, ReversalState]]:
    found = await room.database.read(partial(reversal_store.of_redemption, redemption_id=redemption_id))
    return [(one.reason, one.quantity, one.state) for one in found]


async def captured(database: Database, rule: Cancellation, partner: LookingUpPartner) -> tuple[Room, Redemption]:
    room = await open_room(database, changing=changed(cancellation=rule), skyhub_lounge=partner)
    redemption = await room.redeem()
    assert redemption.state is State.CAPTURED
    return room, redemption


@pytest.mark.parametrize("rule", [FREE, HALF, NEVER])
@pytest.mark.parametrize("refund", [None, Money(12_000, "CNY")])
async def test_a_partner_that_keeps_nothing_gives_the_member_everything_back(
    database: Database, rule: Cancellation, refund: Money | None
) -> None:
    partner = LookingUpPartner()
    room, redemption = await captured(database, rule, partner)
    partner.book.cancelled.add(redemption.partner_key)
    partner.refund = refund
    for _ in range(2):
        assert await room.observer.look(redemption.id)
    assert await room.balance() == (OPENING, 0)
    assert await lines(room) == {"purchase": 12_000, "refund": -12_000}
    await room.require_clean_books()


@pytest.mark.parametrize(("rule", "back"), [(FREE, 600), (HALF, 300), (NEVER, 0)])
async def test_what_a_partner_keeps_is_its_fee_and_the_benefit_s_rule_says_what_goes_back(
    database: Database, rule: Cancellation, back: int
) -> None:
    """Rule R13: it was cancelled at the partner's own desk."""
    partner = LookingUpPartner()
    room, redemption = await captured(database, rule, partner)
    partner.book.cancelled.add(redemption.partner_key)
    partner.refund = Money(9_000, "CNY")
    for _ in range(2):
        assert await room.observer.look(redemption.id)
    assert await reversals(room, redemption.id) == [("partner_cancelled", back, ReversalState.APPLIED)]
    assert await room.balance() == (OPENING - 600 + back, 0)
    assert await lines(room) == {"purchase": 12_000, "refund": -12_000, "cancel_fee": 3_000}
    await room.require_clean_books()


class Calling(CallingPartner):
    """Its callback says when it was cancelled."""

    cancelled_at: datetime

    def read_webhook(self, message_id: str, body: bytes) -> Any:
        kind, _, key = body.decode().split()
        found = super().read_webhook(message_id, key.encode())
        assert found is not None
        return msgspec.structs.replace(found, kind=kind, occurred_at=self.cancelled_at)


CAPABILITIES[Calling] = ("reserves", "looks_up", "fences", "receives_webhooks")


@pytest.mark.parametrize(
    ("kind", "hours", "back"),
    [
        ("reservation.cancelled", 60, 200),
        ("reservation.cancelled", 999, 600),
        ("reservation.cancelled", -9, 0),
        ("other", 60, 0),
    ],
)
async def test_the_rule_is_applied_as_of_when_it_was_cancelled(
    database: Database, kind: str, hours: int, back: int
) -> None:
    partner = Calling()
    room, redemption = await captured(database, FALLING, partner)
    partner.clock = room.clock
    partner.cancelled_at = BEGINS - timedelta(hours=hours)
    partner.book.cancelled.add(redemption.partner_key)
    partner.refund = Money(9_000, "CNY")
    room.clock.advance(seconds=(BEGINS - START).total_seconds() - 3_600)
    told = Told(room, redemption.id)
    told.worker = InboxWorker(room.database, room.clock, room.partners, room.observer)
    await told.tell(kind, None)
    assert await room.balance() == (OPENING - 600 + back, 0)


@pytest.mark.parametrize(
    ("rule", "told", "back"),
    [(FALLING, timedelta(days=-40), 200), (Cancellation(refund_after=Rate(2, 1)), timedelta(days=40), 300)],
    ids=["before_it_was_asked_for", "in_the_future"],
)
async def test_an_instant_that_cannot_be_is_taken_for_the_nearest_that_can(
    database: Database, rule: Cancellation, told: timedelta, back: int
) -> None:
    """Sixty hours before the visit begins, both when it is redeemed and when it is found out."""
    partner = LookingUpPartner()
    room = await open_room(database, changing=changed(cancellation=rule), skyhub_lounge=partner)
    room.clock.advance(seconds=(BEGINS - START).total_seconds() - 60 * 3_600)
    redemption = await room.redeem()
    partner.book.cancelled.add(redemption.partner_key)
    partner.refund = Money(9_000, "CNY")
    assert await room.observer.look(redemption.id, room.clock.now() + told)
    assert await reversals(room, redemption.id) == [("partner_cancelled", back, ReversalState.APPLIED)]


@pytest.mark.parametrize(("rule", "left"), [(FREE, []), (HALF, [(DAY, UseState.USED)])])
async def test_a_use_that_does_not_come_back_stays_used(
    database: Database, rule: Cancellation, left: list[tuple[date, UseState]]
) -> None:
    def terms(catalogue: Catalogue) -> Catalogue:
        return by_right(WindowKind.CALENDAR_YEAR)(changed(cancellation=rule)(catalogue))

    room, partner = await room_of(database, terms)
    redemption_id = await take(room, pay_with=PayWith.ENTITLEMENT)
    await room.engine.advance(redemption_id)
    partner.book.cancelled.add((await room.get(redemption_id)).partner_key)
    partner.refund = Money(9_000, "CNY")
    assert await room.observer.look(redemption_id)
    assert await uses(room) == left, "half of one use is none"
    assert await lines(room) == {"purchase": 12_000, "refund": -12_000, "cancel_fee": 3_000}
    await room.require_clean_books()


@pytest.mark.parametrize("hinted", [False, True], ids=["by_the_sweeper", "by_a_hint"])
async def test_a_lost_cancel_that_a_look_up_finds_done_books_refund_and_fee(database: Database, hinted: bool) -> None:
    partner = FencingPartner()
    room, redemption = await captured(database, NEVER, partner)
    partner.fence_outcomes.append(Outcome.UNKNOWN)
    ask = partial(reversal_store.ask, redemption=redemption, quantity=450, reason="test", at=room.clock.now())
    await database.write(ask)
    await room.sweeper.sweep()
    partner.book.cancelled.add(redemption.partner_key)
    partner.refund = Money(9_000, "CNY")
    if hinted:
        assert await room.observer.look(redemption.id)
    for _ in range(3):
        room.clock.advance(minutes=2)
        await room.sweeper.sweep()
    assert partner.calls.count("fence") == 1
    assert await reversals(room, redemption.id) == [("test", 450, ReversalState.APPLIED)]
    assert await lines(room) == {"purchase": 12_000, "refund": -12_000, "cancel_fee": 3_000}
    assert await room.balance() == (OPENING - 150, 0)
    await room.require_clean_books()


async def test_what_is_kept_without_terms_for_a_fee_is_not_owed(database: Database) -> None:
    """Rule R13: a fee if the contract says so; otherwise the partner's file shows a break."""
    partner = LookingUpPartner()
    room, redemption = await captured(database, HALF, partner)
    contracts = cast("dict[str, PartnerContract]", dict(room.effects._contracts))
    mine = contracts[PARTNER]
    terms = tuple(msgspec.structs.replace(one, kinds=("purchase", "refund")) for one in mine.terms)
    contracts[PARTNER] = msgspec.structs.replace(mine, terms=terms)
    room.observer._effects = Effects(room.effects._source, contracts, room.identifiers)
    partner.book.cancelled.add(redemption.partner_key)
    partner.refund = Money(9_000, "CNY")
    assert await room.observer.look(redemption.id)
    assert await lines(room) == {"purchase": 12_000, "refund": -12_000}
    assert await room.balance() == (OPENING - 300, 0)
    await room.require_clean_books()


def gateway_of(room: Room) -> Any:
    """As much of a gateway as cancelling needs."""
    return SimpleNamespace(
        database=room.database,
        clock=room.clock,
        catalogue=room.effects._catalogue,
        effects=room.effects,
        partners=room.partners,
    )


async def wish(room: Room, redemption_id: str) -> str | None:
    return await room.database.write(lambda connection: cancellations.ask(gateway_of(room), connection, redemption_id))


async def shown(room: Room, redemption_id: str) -> tuple[int, str | None]:
    """What a dry run shows."""
    found = await cancellations.terms(gateway_of(room), await room.get(redemption_id))
    return found.back, found.obstacle


async def answered(room: Room, redemption_id: str) -> tuple[Reversal | None, cancellations.Terms]:
    return await cancellations.outcome(gateway_of(room), await room.get(redemption_id))


RULES = pytest.mark.parametrize(("rule", "back"), [(FREE, 600), (HALF, 300), (NEVER, 0), (FALLING, 600)])


class CancellingPartner(LookingUpPartner):
    """Cancels by its reference, so that it cannot be fenced while it is unknown."""

    async def cancel(self, request: Any, partner_reference: str) -> Any:
        return await FencingPartner.fence(cast("FencingPartner", self), request)

    def __init__(self) -> None:
        super().__init__()
        self.fence_outcomes: list[Outcome] = []


CAPABILITIES[CancellingPartner] = ("reserves", "looks_up", "cancels")


@RULES
async def test_a_wish_while_unknown_gives_back_what_the_rule_gave_then(
    database: Database, rule: Cancellation, back: int
) -> None:
    partner = CancellingPartner()
    partner.scripts.append(granted_then_lost)
    room = await open_room(database, changing=changed(cancellation=rule), skyhub_lounge=partner)
    redemption = await room.redeem()
    assert redemption.state is State.UNKNOWN
    assert await shown(room, redemption.id) == (back, None)
    assert await wish(room, redemption.id) is None
    reversal, found = await answered(room, redemption.id)
    assert (reversal, found.back, found.obstacle) == (None, back, None)
    room.clock.advance(seconds=(BEGINS - START).total_seconds() + 9 * 3_600)
    assert await shown(room, redemption.id) == (back, None), "as of the wish, however late it is found out"
    for _ in range(3):
        await room.sweeper.sweep()
        room.clock.advance(minutes=5)
    assert (await room.get(redemption.id)).state is State.CAPTURED
    expected = [("withdrawn_meanwhile", back, ReversalState.APPLIED)] if back else []
    assert await reversals(room, redemption.id) == expected
    assert await room.balance() == (OPENING - 600 + back, 0)
    assert partner.book.issued == ({} if back else {redemption.partner_key: 1})
    assert await lines(room) == {"purchase": 12_000, **({"refund": -12_000} if back else {})}
    reversal, found = await answered(room, redemption.id)
    assert (reversal is None, found.back) == (not back, back)
    assert found.obstacle == (None if back else cancellations.GRANTED)
    await room.require_clean_books()


@RULES
async def test_a_wish_that_waits_for_the_file_gives_back_what_the_rule_gave_then(
    database: Database, rule: Cancellation, back: int
) -> None:
    partner = PlainPartner()
    partner.scripts.append(granted_then_lost)
    room = await open_room(database, changing=changed(cancellation=rule), skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=Facts())
    redemption = await room.redeem()
    room.clock.advance(seconds=3)
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.MANUAL
    assert await wish(room, redemption.id) is None
    room.clock.advance(seconds=12 * 86_400)
    assert await wish(room, redemption.id) is None, "a later wish does not take the earlier one's place"
    settle = partial(room.engine.settle, redemption_id=redemption.id, event=Event.FILE_SAYS_ISSUED, detail="file")
    assert await database.write(settle)
    expected = [("withdrawn_meanwhile", back, ReversalState.REQUESTED)] if back else []
    assert await reversals(room, redemption.id) == expected
    await room.require_clean_books()


async def test_what_was_never_sent_or_never_granted_comes_back_whole(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(lost)
    room = await open_room(database, changing=changed(cancellation=NEVER), skyhub_lounge=partner)
    held = await room.take_in()
    assert await shown(room, held) == (600, None), "nothing can have been granted"
    await room.engine.advance(held)
    assert await shown(room, held) == (0, None)
    assert await wish(room, held) is None
    await room.sweeper.sweep()
    assert (await room.get(held)).state is State.VOIDED
    _, found = await answered(room, held)
    assert found.back == 600
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


@pytest.mark.parametrize("rule", [FREE, NEVER])
async def test_a_trip_that_falls_through_is_given_back_whole_whatever_the_rule(
    database: Database, rule: Cancellation
) -> None:
    easy, hard = CancellingPartner(), LookingUpPartner()
    hard.scripts.append(no)
    easy.scripts.append(granted_then_lost)
    room = await open_room(database, changing=changed(cancellation=rule), skyhub_lounge=easy, expedia_rapid=hard)
    first, second = await trip(room)
    await room.engine.advance(first)
    refuse = partial(room.engine.settle, redemption_id=second, event=Event.PARTNER_NO, detail="sold_out")
    assert await database.write(refuse)
    assert (await room.get(first)).withdrawal_asked_at is not None
    assert await shown(room, first) == (600, None)
    for _ in range(4):
        room.clock.advance(seconds=30)
        await room.sweeper.sweep()
    assert await reversals(room, first) == [("withdrawn_meanwhile", 600, ReversalState.APPLIED)]
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


@pytest.mark.parametrize(("rule", "back"), [(FREE, 600), (NEVER, 0)])
async def test_withdrawing_one_leg_is_no_way_around_the_rule_of_another(
    database: Database, rule: Cancellation, back: int
) -> None:
    easy, hard = FencingPartner(), FencingPartner()
    hard.scripts.append(lost)
    room = await open_room(database, changing=changed(cancellation=rule), skyhub_lounge=easy, expedia_rapid=hard)
    first, second = await trip(room)
    await room.engine.advance(first)
    await room.engine.advance(second)
    assert [(await room.get(leg)).state for leg in (first, second)] == [State.CAPTURED, State.UNKNOWN]
    assert await wish(room, second) is None
    for _ in range(4):
        room.clock.advance(seconds=30)
        await room.sweeper.sweep()
    assert (await room.get(second)).state is State.VOIDED
    assert await reversals(room, first) == ([("itinerary_undone", back, ReversalState.APPLIED)] if back else [])
    assert await room.balance() == (OPENING - 600 + back, 0)
    await room.require_clean_books()


async def test_a_leg_that_the_wish_for_another_takes_along_is_judged_as_of_that_wish(database: Database) -> None:
    easy, hard = CancellingPartner(), LookingUpPartner()
    easy.scripts.append(granted_then_lost)
    room = await open_room(database, skyhub_lounge=easy, expedia_rapid=hard)
    first, second = await trip(room)
    await room.engine.advance(first)
    wished_at = room.clock.now()
    assert await wish(room, second) is None
    room.clock.advance(seconds=30)
    await room.engine.advance(second)
    assert (await room.get(second)).state is State.VOIDED
    assert (await room.get(first)).withdrawal_asked_at == wished_at


async def test_a_partner_that_refuses_what_was_no_longer_wanted_breaks_the_trip_all_the_same(
    database: Database,
) -> None:
    easy, hard = FencingPartner(), LookingUpPartner()
    hard.scripts.append(lost)
    room = await open_room(database, changing=changed(cancellation=NEVER), skyhub_lounge=easy, expedia_rapid=hard)
    first, second = await trip(room)
    await room.engine.advance(first)
    await room.engine.advance(second)
    assert await wish(room, second) is None
    refuse = partial(room.engine.settle, redemption_id=second, event=Event.PARTNER_NO, detail="sold_out")
    assert await database.write(refuse)
    assert await reversals(room, first) == [("itinerary_undone", 600, ReversalState.REQUESTED)]


async def test_a_trip_goes_on_when_a_leg_stands_that_was_no_longer_wanted(database: Database) -> None:
    easy, hard = CancellingPartner(), LookingUpPartner()
    easy.scripts.append(granted_then_lost)
    room = await open_room(database, changing=changed(cancellation=NEVER), skyhub_lounge=easy, expedia_rapid=hard)
    first, second = await trip(room)
    await room.engine.advance(first)
    assert await wish(room, first) is None
    await withdraw(room, first)
    for _ in range(3):
        room.clock.advance(seconds=30)
        await room.sweeper.sweep()
    assert [(await room.get(leg)).state for leg in (first, second)] == [State.CAPTURED, State.CAPTURED]
    assert (await room.get(second)).partner == OTHER_PARTNER
    assert await room.balance() == (OPENING - 1_200, 0)
    await room.require_clean_books()
