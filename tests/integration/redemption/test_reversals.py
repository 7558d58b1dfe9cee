"""Taking back: in parts, never more than was taken; in the reverse order of a trip; what people decided wrongly."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any, cast

import pytest
import sqlalchemy as sa

from adapters.sdk.outcomes import Outcome as Answer
from adapters.sdk.records import CancelResult, ReservationRequest
from config.database import Database
from config.errors import ConflictError, GatewayError, RuleError
from gateway.redemption import people, reversal_store, store
from gateway.redemption.people import Finding, ManualCase, Outcome
from gateway.redemption.states import ReversalState, State
from gateway.services.itineraries import _place
from settlement.tables import accounts, settlement_lines
from tests.integration.redemption.test_people import says, with_people
from tests.support.partners import CAPABILITIES, FencingPartner, no, ok
from tests.support.room import MEMBER, OPENING, OTHER_PARTNER, PARTNER, Room, open_room

WHY = "the lounge says nobody came, ticket 9"


async def opened(room: Room, redemption_id: str, points: int | None = None, by: str = "ann") -> ManualCase:
    finding = Finding("undone", WHY, by)
    now = room.clock.now()
    operation = partial(people.open_undoing, redemption_id=redemption_id, finding=finding, points=points, now=now)
    return await room.database.write(operation)


async def given_back(room: Room, redemption_id: str) -> int:
    known = await room.database.read(partial(reversal_store.of_redemption, redemption_id=redemption_id))
    return sum(one.quantity for one in known if one.state is ReversalState.APPLIED)


@pytest.mark.parametrize("seed", range(6))
async def test_st_14_parts_never_give_back_more_than_was_taken(database: Database, seed: int) -> None:
    dice = Random(seed)
    room = await open_room(database, skyhub_lounge=FencingPartner())
    redemption = await room.redeem(points=600)
    open_cases: list[str] = []
    for _ in range(14):
        try:
            if open_cases and dice.random() < 0.5:
                case_id = open_cases.pop(dice.randrange(len(open_cases)))
                outcome: Outcome = dice.choice(("undone", "undone", "stands"))
                for by in ("bob", "eve"):
                    if await says(room, case_id, outcome, by) is None:
                        break
            elif dice.random() < 0.1:
                await database.write(
                    partial(room.effects.ask_reversal, redemption=redemption, reason="test", at=room.clock.now())
                )
                await room.sweeper.sweep()
            else:
                points = None if dice.random() < 0.1 else dice.randint(1, 400)
                open_cases.append((await opened(room, redemption.id, points)).id)
        except (ConflictError, RuleError):
            pass
        back = await given_back(room, redemption.id)
        assert back <= 600
        assert await room.balance() == (OPENING - 600 + back, 0)
    await room.require_clean_books()


async def test_parts_are_given_back_and_the_benefit_stands_until_it_is_undone(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem(points=600)
    for points, number in ((100, 1), (150, 2)):
        case = await opened(room, redemption.id, points)
        assert (case.id, case.quantity) == (f"{redemption.id}:reverse:{number}", points)
        assert await room.balance() == (OPENING - 600 + (0, 100)[number - 1], 0), "one person moves nothing"
        assert await says(room, case.id, "undone", "bob") is None
    assert await room.balance() == (OPENING - 350, 0)
    assert partner.book.issued == {redemption.partner_key: 1}
    with pytest.raises(RuleError, match="350 PTS are left"):
        await opened(room, redemption.id, 351)
    await database.write(partial(room.effects.ask_reversal, redemption=redemption, reason="t", at=room.clock.now()))
    await room.sweeper.sweep()
    assert partner.book.issued == {}
    assert await room.balance() == (OPENING, 0), "all of it, and no more"
    with pytest.raises(RuleError):
        await opened(room, redemption.id, 1)
    await room.require_clean_books()


async def test_op_10_a_wrong_issued_is_undone_by_two_people_and_nothing_is_owed(database: Database) -> None:
    room, redemption_id = await with_people(database)
    for by in ("ann", "bob"):
        await says(room, redemption_id, "issued", by)
    assert await room.balance() == (OPENING - 600, 0)
    case = await opened(room, redemption_id, by="eve")
    assert case.proposal is not None
    assert (case.reason, case.outcomes, case.proposal.proposed_by) == ("people_undo", ("undone", "stands"), "eve")
    with pytest.raises(ConflictError, match="being undone"):
        await opened(room, redemption_id)
    assert await says(room, case.id, "undone", "eve") is not None, "nobody confirms his own"
    assert await says(room, case.id, "undone", "ann") is None
    assert await room.balance() == (OPENING, 0)
    gross = sa.select(sa.func.sum(settlement_lines.c.gross)).where(settlement_lines.c.redemption_id == redemption_id)
    assert await room.database.read(lambda connection: connection.execute(gross).scalar_one()) == 0
    await room.require_clean_books()


async def test_what_is_not_captured_or_not_said_well_opens_no_case(database: Database) -> None:
    room, redemption_id = await with_people(database)
    with pytest.raises(ConflictError, match="captured"):
        await opened(room, redemption_id)
    for finding in (Finding("undone", "short", "ann"), Finding("undone", WHY, " ")):
        say = partial(people.open_undoing, finding=finding, points=None, now=room.clock.now())
        with pytest.raises(RuleError):
            await room.database.write(partial(say, redemption_id=redemption_id))
    say = partial(people.open_undoing, finding=Finding("undone", WHY, "ann"), points=None, now=room.clock.now())
    with pytest.raises(GatewayError, match="no redemption"):
        await room.database.write(partial(say, redemption_id="rdm_none"))


class Recording(FencingPartner):
    """Writes down whom it was asked to fence."""

    def __init__(self, log: list[str], name: str) -> None:
        super().__init__()
        self.log = log
        self.name = name

    async def fence(self, request: ReservationRequest) -> CancelResult:
        self.log.append(self.name)
        return await super().fence(request)


CAPABILITIES[Recording] = ("reserves", "looks_up", "fences")


async def refused_trip(room: Room) -> list[str]:
    """Book three legs of which the last is refused."""
    quotes = [
        await room.quote(partner=PARTNER),
        await room.quote(partner=OTHER_PARTNER),
        await room.quote(partner=OTHER_PARTNER),
    ]
    ids = tuple(quote.id for quote in quotes)
    answer = await room.database.write(partial(_place, cast("Any", room), MEMBER, ids, "all_or_nothing"))
    await room.engine.start_itinerary(str(answer.resource_id))
    legs = await room.database.read(partial(store.legs, itinerary_id=str(answer.resource_id)))
    assert [leg.state for leg in legs] == [State.CAPTURED, State.CAPTURED, State.VOIDED]
    return [leg.id for leg in legs]


@pytest.mark.parametrize("answered", [True, False])
async def test_a_trip_is_undone_in_the_reverse_of_the_order_it_was_submitted_in(
    database: Database, answered: bool
) -> None:
    log: list[str] = []
    first, second = Recording(log, "first"), Recording(log, "second")
    second.scripts.extend([ok, no])
    if not answered:
        second.fence_outcomes.append(Answer.UNKNOWN)
    room = await open_room(database, skyhub_lounge=first, expedia_rapid=second)
    await refused_trip(room)
    for _ in range(4):
        await room.sweeper.sweep()
        room.clock.advance(seconds=3)
    assert log[:2] == ["second", "first"], "the earlier leg waits for the answer of the later one, or for its loss"
    for _ in range(4):
        await room.sweeper.sweep()
        room.clock.advance(seconds=20)
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


@pytest.mark.parametrize(("outcome", "owed", "borne"), [("withdrawn", 0, 0), ("accepted", -12_000, 12_000)])
async def test_a_claim_is_ended_by_two_people_and_leaves_suspense(
    database: Database, outcome: Outcome, owed: int, borne: int
) -> None:
    partner = FencingPartner()
    partner.scripts.append(no)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.book.issued[redemption.partner_key] = 1
    room.clock.advance(hours=1)
    assert await room.observer.look(redemption.id)
    (case,) = await room.database.read(partial(people.cases, limit=9))
    assert (case.id, case.quantity, case.commodity) == (f"{redemption.id}:claim", 12_000, "CNY")
    assert case.outcomes == ("withdrawn", "accepted")
    with pytest.raises(RuleError):
        await says(room, case.id, "issued", "ann")
    assert await says(room, case.id, outcome, "ann") is not None
    assert await money(room, "programme/suspense") == 12_000, "one person moves nothing"
    assert await says(room, case.id, outcome, "bob") is None
    assert await money(room, "programme/suspense") == 0
    assert (await money(room, f"partner/{PARTNER}/payable"), await money(room, "bearer/maker/expense")) == (owed, borne)
    assert await room.balance() == (OPENING, 0), "the member pays nothing"
    assert await room.database.read(partial(people.cases, limit=9)) == []
    with pytest.raises(ConflictError):
        await says(room, case.id, outcome, "eve")
    await room.require_clean_books()


async def money(room: Room, code: str) -> int:
    query = sa.select(sa.func.coalesce(sa.func.sum(accounts.c.balance), 0)).where(accounts.c.code == code)
    return int(await room.database.read(lambda connection: connection.execute(query).scalar_one()))
