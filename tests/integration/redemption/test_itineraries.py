"""Trips over two partners: what was promised stands whole or is undone, on both databases."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest

from adapters.sdk.outcomes import Outcome
from config.database import Database
from gateway.redemption import reversal_store, store
from gateway.redemption.states import ReversalState, State
from gateway.services.itineraries import ItineraryState, Policy, _place, _read
from settlement.errors import InsufficientFundsError
from tests.support.partners import FencingPartner, LookingUpPartner, granted_then_lost, lost, no
from tests.support.room import MEMBER, OPENING, OTHER_PARTNER, PARTNER, Room, open_room


async def place(room: Room, policy: Policy = "all_or_nothing", *, points: int = 600) -> str:
    quotes = (await room.quote(partner=OTHER_PARTNER, points=points), await room.quote(partner=PARTNER, points=points))
    ids = tuple(quote.id for quote in quotes)
    answer = await room.database.write(partial(_place, cast("Any", room), MEMBER, ids, policy))
    assert answer.resource_id is not None
    return answer.resource_id


async def state_of(room: Room, itinerary_id: str) -> ItineraryState:
    found = await room.database.read(partial(_read, itinerary_id))
    assert found is not None
    return found.state


async def leg_states(room: Room, itinerary_id: str) -> list[tuple[str, State]]:
    legs = await room.database.read(partial(store.legs, itinerary_id=itinerary_id))
    return [(leg.partner, leg.state) for leg in legs]


async def test_all_legs_are_confirmed_easiest_to_undo_first(database: Database) -> None:
    easy, hard = FencingPartner(), LookingUpPartner()
    room = await open_room(database, skyhub_lounge=easy, expedia_rapid=hard)
    itinerary_id = await place(room)
    await room.engine.start_itinerary(itinerary_id)
    assert await state_of(room, itinerary_id) is ItineraryState.CONFIRMED
    assert await leg_states(room, itinerary_id) == [(PARTNER, State.CAPTURED), (OTHER_PARTNER, State.CAPTURED)]
    assert await room.balance() == (OPENING - 1_200, 0)
    await room.require_clean_books()


async def test_a_refused_leg_undoes_the_captured_one_and_returns_all_points(database: Database) -> None:
    easy, hard = FencingPartner(), LookingUpPartner()
    hard.scripts.append(no)
    room = await open_room(database, skyhub_lounge=easy, expedia_rapid=hard)
    itinerary_id = await place(room)
    await room.engine.start_itinerary(itinerary_id)
    assert await state_of(room, itinerary_id) is ItineraryState.UNDOING
    await room.sweeper.sweep()
    assert await state_of(room, itinerary_id) is ItineraryState.UNDONE
    assert easy.book.issued == {}
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


async def test_a_refused_first_leg_withdraws_the_others_unsent(database: Database) -> None:
    easy, hard = FencingPartner(), LookingUpPartner()
    easy.scripts.append(no)
    room = await open_room(database, skyhub_lounge=easy, expedia_rapid=hard)
    itinerary_id = await place(room)
    await room.engine.start_itinerary(itinerary_id)
    assert await state_of(room, itinerary_id) is ItineraryState.UNDONE
    assert hard.calls == []
    assert await room.balance() == (OPENING, 0)


async def test_the_next_leg_waits_for_an_unknown_one(database: Database) -> None:
    easy, hard = FencingPartner(), LookingUpPartner()
    easy.scripts.append(granted_then_lost)
    room = await open_room(database, skyhub_lounge=easy, expedia_rapid=hard)
    itinerary_id = await place(room)
    await room.engine.start_itinerary(itinerary_id)
    assert await leg_states(room, itinerary_id) == [(PARTNER, State.UNKNOWN), (OTHER_PARTNER, State.HELD)]
    assert hard.calls == []
    for _ in range(3):
        room.clock.advance(seconds=3)
        await room.sweeper.sweep()
    assert await state_of(room, itinerary_id) is ItineraryState.CONFIRMED


async def test_best_effort_keeps_what_was_granted(database: Database) -> None:
    easy, hard = FencingPartner(), LookingUpPartner()
    easy.scripts.append(no)
    room = await open_room(database, skyhub_lounge=easy, expedia_rapid=hard)
    itinerary_id = await place(room, "best_effort")
    await room.engine.start_itinerary(itinerary_id)
    assert await state_of(room, itinerary_id) is ItineraryState.PARTLY_CONFIRMED
    assert await room.balance() == (OPENING - 600, 0)


async def test_if_one_hold_fails_none_is_placed(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner(), expedia_rapid=LookingUpPartner())
    with pytest.raises(InsufficientFundsError):
        await place(room, points=6_000)
    assert await room.balance() == (OPENING, 0)


async def test_a_lost_cancellation_is_looked_up_before_points_return(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.fence_outcomes.append(Outcome.UNKNOWN)
    ask = partial(reversal_store.ask, redemption=redemption, quantity=600, reason="test", at=room.clock.now())
    assert await database.write(ask)
    assert not await database.write(ask)
    await room.sweeper.sweep()
    assert await room.balance() == (OPENING - 600, 0)
    for _ in range(4):
        room.clock.advance(minutes=2)
        await room.sweeper.sweep()
    reversal = await database.read(partial(reversal_store.get, redemption_id=redemption.id, number=1))
    assert reversal is not None
    assert reversal.state is ReversalState.APPLIED
    assert await room.balance() == (OPENING, 0)
    await room.require_clean_books()


async def test_a_refused_cancellation_moves_no_points(database: Database) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    partner.fence_outcomes.append(Outcome.NO)
    now = room.clock.now()
    await database.write(partial(reversal_store.ask, redemption=redemption, quantity=600, reason="test", at=now))
    await room.sweeper.sweep()
    reversal = await database.read(partial(reversal_store.get, redemption_id=redemption.id, number=1))
    assert reversal is not None
    assert reversal.state is ReversalState.REFUSED
    assert await room.balance() == (OPENING - 600, 0)


async def test_a_withdrawal_while_unknown_ends_undone(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(lost)
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    now = room.clock.now()
    await database.write(partial(store.ask_withdrawal, redemption_id=redemption.id, at=now))
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.VOIDED
    assert await room.balance() == (OPENING, 0)
