"""Redemptions of many members that are taken in and recorded at once, side by side where the database lets them."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial

import msgspec
from sqlalchemy import Connection

from catalogue.members import MemberInput, upsert_member
from config.database import Database
from config.side_by_side import About
from gateway.errors import RiskCapError
from gateway.redemption import store
from gateway.redemption.orders import Begun
from gateway.redemption.records import POINTS, Quote
from gateway.redemption.states import State
from settlement import ledger
from settlement.errors import InsufficientFundsError
from tests.support.partners import FencingPartner, PlainPartner, connected, granted_then_lost, lost, no, ok
from tests.support.room import PARTNER, Room, open_room

MEMBERS = 12
EACH = 1_000


def member(number: int) -> str:
    return f"mbr_{2000 + number:026d}"


def enrich(room: Room, connection: Connection) -> None:
    now = room.clock.now()
    issue = partial(ledger.issue, connection, commodity=POINTS, quantity=EACH, at=now, reason="opening")
    for number in range(MEMBERS):
        upsert_member(connection, MemberInput(external_id=f"beside-{number}"), member(number), now)
        key = f"beside:{number}"
        issue(key=key, member_id=member(number), expires_at=now + timedelta(days=365), reference=key)


async def quote_for(room: Room, number: int, points: int = 600) -> Quote:
    like = await room.quote(points=points)
    new = msgspec.structs.replace(like, id=room.identifiers.new("quote"), member_id=member(number))
    await room.database.write(partial(store.add_quote, quote=new))
    return new


def order(room: Room, quote: Quote, connection: Connection) -> Begun | None:
    _, begun = room.intake.take_in_and_order(
        connection, room.engine.order, quote_id=quote.id, member_id=quote.member_id
    )
    return begun


async def redeem(room: Room, quote: Quote) -> State | type[Exception]:
    try:
        begun = await room.database.write(About(quote.member_id, partial(order, room, quote)))
    except (InsufficientFundsError, RiskCapError) as error:
        return type(error)
    assert begun is not None
    await room.engine.go_on(begun)
    return (await room.get(begun.order.redemption.id)).state


async def test_every_answer_is_booked_as_if_it_had_come_alone(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.extend([ok, no, ok, lost, granted_then_lost, no, ok, ok])
    room = await open_room(database, skyhub_lounge=partner)
    await database.write(partial(enrich, room))
    quotes = [await quote_for(room, number) for number in range(MEMBERS - 2)]
    quotes += [await quote_for(room, number, EACH + 1) for number in (MEMBERS - 2, MEMBERS - 1)]
    found = Counter(await asyncio.gather(*(redeem(room, quote) for quote in quotes)))
    assert found == {State.CAPTURED: 6, State.VOIDED: 2, State.UNKNOWN: 2, InsufficientFundsError: 2}
    assert sum(partner.book.issued.values()) == 7
    await room.require_clean_books()


async def test_one_member_s_redemptions_take_turns_and_never_hold_more_than_there_is(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    await database.write(partial(enrich, room))
    quotes = [await quote_for(room, number % 3, 400) for number in range(9)]
    found = Counter(await asyncio.gather(*(redeem(room, quote) for quote in quotes)))
    assert found == {State.CAPTURED: 6, InsufficientFundsError: 3}
    await room.require_clean_books()


async def test_points_at_risk_stay_under_the_cap_though_all_are_taken_in_at_once(database: Database) -> None:
    partner = PlainPartner()
    partner.scripts.extend([lost] * MEMBERS)
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, points_at_risk_cap=2_000)
    await database.write(partial(enrich, room))
    quotes = [await quote_for(room, number) for number in range(MEMBERS)]
    found = Counter(await asyncio.gather(*(redeem(room, quote) for quote in quotes)))
    assert found == {State.UNKNOWN: 3, RiskCapError: MEMBERS - 3}
    await room.require_clean_books()
