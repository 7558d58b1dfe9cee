"""Callbacks as hints: they make the gateway look, once or a hundred times, and move nothing by themselves."""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa

from adapters.sdk.errors import WebhookError
from adapters.sdk.outcomes import LookUpAnswer
from adapters.sdk.records import LookUpResult, PartnerEvent, ReservationRequest
from config.database import Database
from gateway.edge_tables import webhook_inbox
from gateway.operations.alarms import list_alarms
from gateway.redemption.states import State
from gateway.webhooks import inbox
from gateway.webhooks.worker import InboxWorker
from settlement.tables import settlement_lines
from tests.support.clocks import ManualClock
from tests.support.partners import CAPABILITIES, FencingPartner, granted_then_lost
from tests.support.room import PARTNER, Room, open_room


class CallingPartner(FencingPartner):
    """Sends callbacks whose body is the key."""

    clock: ManualClock

    def verify_webhook(self, headers: object, body: bytes, secrets: tuple[str, ...], now: int) -> str:
        return "unused"

    def read_webhook(self, message_id: str, body: bytes) -> PartnerEvent | None:
        if body == b"poison":
            raise WebhookError("not what is documented")
        if body == b"news":
            return None
        from_clock = self.clock.now()
        return PartnerEvent(event_id=message_id, kind="visit", reference=body.decode(), occurred_at=from_clock)


CAPABILITIES[CallingPartner] = CAPABILITIES[FencingPartner]


async def open_with_inbox(database: Database) -> tuple[Room, CallingPartner, InboxWorker]:
    partner = CallingPartner()
    room = await open_room(database, skyhub_lounge=partner)
    partner.clock = room.clock
    return room, partner, InboxWorker(database, room.clock, room.partners, room.observer)


async def receive(room: Room, message_id: str, body: bytes) -> None:
    await room.database.write(
        partial(
            inbox.receive,
            new_id=room.identifiers.new("event"),
            partner=PARTNER,
            message_id=message_id,
            body=body,
            at=room.clock.now(),
        )
    )


async def states(database: Database) -> list[tuple[str, int]]:
    query = sa.select(webhook_inbox.c.state, webhook_inbox.c.attempts).order_by(webhook_inbox.c.message_id)
    return await database.read(lambda connection: [tuple(row) for row in connection.execute(query)])


async def test_a_hint_wakes_an_unknown_redemption_before_its_time(database: Database) -> None:
    room, partner, worker = await open_with_inbox(database)
    partner.scripts.append(granted_then_lost)
    redemption = await room.redeem()
    assert await room.sweeper.sweep() == 0
    await receive(room, "m1", redemption.partner_key.encode())
    assert await worker.work() == 1
    assert (await room.get(redemption.id)).state is State.UNKNOWN
    assert await room.sweeper.sweep() == 1
    assert (await room.get(redemption.id)).state is State.CAPTURED


async def test_a_hundred_hints_of_one_visit_owe_its_guest_once(database: Database) -> None:
    room, partner, worker = await open_with_inbox(database)
    redemption = await room.redeem()
    partner.guests = 1
    for number in range(20):
        await receive(room, f"m{number}", redemption.partner_key.encode())
    await worker.work()
    kinds = await database.read(lambda c: sorted(c.execute(sa.select(settlement_lines.c.kind)).scalars()))
    assert kinds == ["guest_visit", "purchase"]
    assert {state for state, _ in await states(database)} == {"done"}


async def test_an_unknown_redemption_and_a_poisonous_message_are_tried_again_and_others_go_on(
    database: Database,
) -> None:
    room, partner, worker = await open_with_inbox(database)
    redemption = await room.redeem()
    partner.guests = 1
    for number, body in enumerate((b"no-such-key", b"poison", b"news", redemption.partner_key.encode())):
        await receive(room, f"m{number}", body)
    await worker.work()
    assert await states(database) == [("waiting", 1), ("waiting", 1), ("done", 0), ("done", 0)]
    for _ in range(12):
        room.clock.advance(hours=5)
        await worker.work()
    assert await states(database) == [("dead", 10), ("dead", 10), ("done", 0), ("done", 0)]


async def test_a_captured_one_that_is_something_else_now_is_an_alarm_and_asked_once(database: Database) -> None:
    """Rule R13: nothing is posted that nobody can price; people are told."""
    room, partner, worker = await open_with_inbox(database)
    redemption = await room.redeem()

    async def changed(request: ReservationRequest) -> LookUpResult:
        return LookUpResult(answer=LookUpAnswer.UNKNOWN, code="another_service")

    partner.look_up = changed  # type: ignore[method-assign]
    await receive(room, "m1", redemption.partner_key.encode())
    await worker.work()
    assert await states(database) == [("done", 0)]
    (alarm,) = await database.read(partial(list_alarms, limit=9))
    assert (alarm.kind, alarm.subject, alarm.facts) == (
        "changed_by_partner",
        redemption.id,
        {"code": "another_service"},
    )
    assert (await room.get(redemption.id)).state is State.CAPTURED
