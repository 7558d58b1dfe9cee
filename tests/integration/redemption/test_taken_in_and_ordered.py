"""A redemption and the order of its first call are one transaction; the call follows whatever becomes of the caller."""

from __future__ import annotations

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy import Connection

from config.database import Database
from config.errors import ConflictError
from config.settings import RedemptionSettings
from config.side_by_side import About
from gateway.idempotency import IdempotencyKeys, KeyedRequest
from gateway.redemption import attempt_store, reversal_store, store
from gateway.redemption.orders import Begun
from gateway.redemption.records import Quote, Redemption
from gateway.redemption.states import State
from gateway.services import redeem
from settlement.ledger import Held
from tests.support.partners import FencingPartner
from tests.support.room import MEMBER, OPENING, Room, open_room


@pytest.fixture
async def room(database: Database) -> Room:
    """A room with a partner that answers."""
    return await open_room(database, skyhub_lounge=FencingPartner())


def gateway_of(room: Room) -> Any:
    return SimpleNamespace(
        database=room.database,
        engine=room.engine,
        intake=room.intake,
        settings=SimpleNamespace(redemption=RedemptionSettings()),
    )


def taken(room: Room, quote: Quote, connection: Connection) -> Begun | None:
    _, begun = room.intake.take_in_and_order(connection, room.engine.order, quote_id=quote.id, member_id=MEMBER)
    return begun


async def test_when_the_transaction_ends_the_attempt_is_there(room: Room) -> None:
    begun = await room.database.write(partial(taken, room, await room.quote()))
    assert begun is not None
    stored = await room.get(begun.order.redemption.id)
    assert (stored.state, stored.version) == (State.SUBMITTING, 2)
    assert stored.lease_until is not None, "the database's clock says for how long"
    assert msgspec.structs.replace(stored, lease_until=None) == begun.order.redemption
    history = await room.database.read(partial(store.history, redemption_id=stored.id))
    assert [row["event"] for row in history] == ["created", "submit"]
    (attempt,) = await room.database.read(partial(attempt_store.of_redemption, redemption_id=stored.id))
    assert (attempt["number"], attempt["is_commit"], attempt["outcome"]) == (1, True, None)
    await room.engine.go_on(begun)
    assert (await room.get(stored.id)).state is State.CAPTURED
    await room.require_clean_books()


async def test_a_wish_that_is_uttered_during_the_first_call_is_seen_by_who_records_its_grant(
    database: Database,
) -> None:
    partner = FencingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    ordered: list[Begun] = []

    async def utter() -> None:
        redemption = ordered[0].order.redemption
        asked = partial(store.ask_withdrawal, redemption_id=redemption.id, at=room.clock.now())
        assert await database.write(asked)

    partner.before_answer = utter
    quote = await room.quote()
    begun = await database.write(About(MEMBER, partial(taken, room, quote)))
    assert begun is not None
    ordered.append(begun)
    concluded = await room.engine.go_on(begun)
    assert concluded is None or concluded.redemption.withdrawal_asked_at is not None
    stored = await room.get(begun.order.redemption.id)
    assert (stored.state, stored.withdrawal_asked_at) == (State.CAPTURED, room.clock.now())
    undoing = await database.read(partial(reversal_store.standing, redemption_id=stored.id))
    assert undoing is not None
    assert undoing.reason == "withdrawn_meanwhile"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("written", [True, False])
async def test_what_was_granted_is_not_forgotten_for_a_connection_that_was_lost_as_it_was_written(
    room: Room, monkeypatch: pytest.MonkeyPatch, *, written: bool
) -> None:
    fetchval = asyncpg.Connection.fetchval
    lost: list[str] = []

    async def losing(self: asyncpg.Connection, query: str, *values: object) -> object:
        if lost or "UPDATE redemptions" not in query:
            return await fetchval(self, query, *values)
        lost.append(query)
        if written:
            await fetchval(self, query, *values)
        raise ConnectionResetError

    quote = await room.quote()
    begun = await room.database.write(About(MEMBER, partial(taken, room, quote)))
    assert begun is not None
    monkeypatch.setattr(asyncpg.Connection, "fetchval", losing)
    await room.engine.go_on(begun)
    assert len(lost) == 1
    assert (await room.get(begun.order.redemption.id)).state is State.CAPTURED
    assert await room.balance() == (OPENING - 600, 0)
    await room.require_clean_books()


async def test_no_call_is_ordered_once_the_window_has_passed_and_what_was_held_is_given_back(room: Room) -> None:
    """A take-in may wait for a lock for longer than a short window is open."""

    def too_late(redemption: Redemption, held: Held | None) -> Begun | None:
        room.clock.advance(seconds=(redemption.window_ends_at - redemption.requested_at).total_seconds())
        return room.engine.order(redemption, held)

    before = await room.balance()
    quote = await room.quote()
    take_in = partial(room.intake.take_in_and_order, order=too_late, quote_id=quote.id, member_id=MEMBER)
    taken_in, begun = await room.database.write(take_in)
    assert begun is None
    stored = await room.get(taken_in.id)
    assert (stored.state, stored.version, stored.lease_owner) == (State.HELD, 1, None)
    await room.engine.advance(taken_in.id)
    assert (await room.get(taken_in.id)).state is State.VOIDED
    assert await room.balance() == before


async def test_nothing_is_ordered_when_the_transaction_fails(room: Room) -> None:
    def fails(quote: Quote, connection: Connection) -> None:
        taken(room, quote, connection)
        raise ConflictError("no")

    before = await room.balance()
    with pytest.raises(ConflictError):
        await room.database.write(partial(fails, await room.quote()))
    assert await room.balance() == before


async def test_the_call_is_made_though_the_caller_is_gone(room: Room) -> None:
    quote, keys = await room.quote(), IdempotencyKeys(room.database, room.clock)
    keyed = KeyedRequest("app", "create_redemption", "key-1", "f")
    asking = asyncio.create_task(redeem.redeem(gateway_of(room), keys, keyed, MEMBER, quote.id))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    while room.engine._running:
        await asyncio.wait(set(room.engine._running))
    found, _, replayed = await redeem.redeem(gateway_of(room), keys, keyed, MEMBER, quote.id)
    assert (found.state, replayed) == (State.CAPTURED, True)
    await room.require_clean_books()
