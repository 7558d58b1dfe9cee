"""The rest of a voucher's life over HTTP: taken back, drawn, expired; only by whom it belongs to."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from catalogue import voucher_store
from catalogue.tables import vouchers
from catalogue.vouchers import VoucherState
from gateway.housekeeping import Housekeeper
from gateway.redemption import reversal_store, store
from gateway.redemption.states import ReversalState, State
from tests.api.conftest import NOON, Stack
from tests.api.test_vouchers import CODE, desk
from tests.support import qr
from tests.support.partners import FencingPartner
from tests.support.room import open_room


async def test_a_mistake_at_the_desk_is_taken_back_once(stack: Stack) -> None:
    code = await issue_undoable(stack)
    use = {"code": code, "location": "PVG T2", "guests": 1}
    back = {"code": code}
    early = await stack.client.post("/v1/vouchers/unconsume", json=back, headers=desk(stack, "early"))
    assert (early.status_code, early.json()["reason"]) == (422, "not_consumed")
    await stack.client.post("/v1/vouchers/consume", json=use, headers=desk(stack, "use"))
    taken = await stack.client.post("/v1/vouchers/unconsume", json=back, headers=desk(stack, "back"))
    assert (taken.status_code, taken.json()["state"], taken.json()["consumed_guests"]) == (200, "issued", None)
    replay = await stack.client.post("/v1/vouchers/unconsume", json=back, headers=desk(stack, "back"))
    assert (replay.json(), replay.headers["idempotent-replayed"]) == (taken.json(), "true")
    again = await stack.client.post("/v1/vouchers/consume", json=use | {"guests": 0}, headers=desk(stack, "use-2"))
    assert again.json()["state"] == "consumed"
    stack.clock.move(minutes=10)
    late = await stack.client.post("/v1/vouchers/unconsume", json=back, headers=desk(stack, "late"))
    assert (late.json()["reason"], late.json()["minutes"]) == ("too_late", 10)


@pytest.mark.parametrize(
    ("state", "reason"), [(ReversalState.REQUESTED, "cancelling"), (ReversalState.APPLIED, "void")]
)
async def test_a_used_voucher_of_an_undone_visit_never_opens_again(
    stack: Stack, state: ReversalState, reason: str
) -> None:
    redemption = await redeemed(stack)
    database, now = stack.gateway.database, stack.clock.now()
    voucher = await database.read(partial(voucher_store.voucher_of, redemption_id=redemption.id))
    assert voucher is not None

    def use_and_undo(connection: Connection) -> None:
        used = {"state": "consumed", "consumed_at": now, "undo_minutes": 10, "consumed_guests": 0}
        connection.execute(vouchers.update().where(vouchers.c.id == voucher.id).values(**used))
        reversal_store.ask(connection, redemption, quantity=600, reason="itinerary_undone", at=now, state=state)

    await database.write(use_and_undo)
    back = await stack.client.post("/v1/vouchers/unconsume", json={"code": voucher.code}, headers=desk(stack, "back"))
    assert (back.status_code, back.json()["reason"]) == (422, reason)


async def test_taking_back_needs_a_key_and_a_desk(stack: Stack) -> None:
    body = {"code": await issue_undoable(stack)}
    keyless = {name: value for name, value in desk(stack).items() if name != "Idempotency-Key"}
    assert (await stack.client.post("/v1/vouchers/unconsume", json=body, headers=keyless)).status_code == 400
    member = stack.bearer("skyhub-desk", "redemptions:read") | {"Idempotency-Key": "k"}
    assert (await stack.client.post("/v1/vouchers/unconsume", json=body, headers=member)).status_code == 403


async def issue_undoable(stack: Stack) -> str:
    member_id = await stack.add_member()
    new = voucher_store.NewVoucher(
        id=stack.gateway.identifiers.new("voucher"),
        redemption_id=stack.gateway.identifiers.new("redemption"),
        member_id=member_id,
        partner="skyhub-lounge",
        benefit_id="lounge-visit",
        benefit_version=1,
        code=CODE,
        valid_from_at=NOON,
        valid_to_at=NOON.replace(day=23),
        guests_allowed=1,
        undo_minutes=10,
    )
    await stack.gateway.database.write(partial(voucher_store.issue_voucher, new=new, at=NOON))
    return CODE


async def redeemed(stack: Stack) -> Any:
    """Redeem a visit against a partner in memory, on the stack's own database."""
    room = await open_room(stack.gateway.database, skyhub_lounge=FencingPartner())
    redemption = await room.redeem()
    assert redemption.state is State.CAPTURED
    return redemption


async def test_the_picture_is_the_members_alone_and_kept_nowhere(stack: Stack) -> None:
    redemption = await redeemed(stack)
    path = f"/v1/redemptions/{redemption.id}/voucher-picture"
    shown = (
        await stack.client.get(f"/v1/redemptions/{redemption.id}", headers=stack.member(redemption.member_id))
    ).json()
    picture = await stack.client.get(f"{path}?format=png", headers=stack.member(redemption.member_id))
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert picture.headers["cache-control"] == "no-store"
    assert qr.read(qr.modules_of_png(picture.content)) == shown["voucher"]["code"]
    vector = await stack.client.get(path, headers=stack.member(redemption.member_id))
    assert vector.headers["content-type"].startswith("image/svg+xml")
    stranger = await stack.add_member("another")
    assert (await stack.client.get(path, headers=stack.member(stranger))).status_code == 404
    wrong = await stack.client.get(f"{path}?format=gif", headers=stack.member(redemption.member_id))
    assert wrong.status_code == 400


async def test_no_picture_of_what_was_used_or_never_was(stack: Stack) -> None:
    redemption = await redeemed(stack)
    member = stack.member(redemption.member_id)
    path = f"/v1/redemptions/{redemption.id}/voucher-picture"
    await stack.gateway.database.write(
        partial(voucher_store.void_voucher, redemption_id=redemption.id, at=stack.clock.now())
    )
    ended = await stack.client.get(path, headers=member)
    assert (ended.status_code, ended.json()["code"], ended.json()["state"]) == (409, "conflict", "void")
    assert (await stack.client.get("/v1/redemptions/rdm_none/voucher-picture", headers=member)).status_code == 404
    held = await stack.gateway.database.read(partial(store.must_get, redemption_id=redemption.id))
    assert held.state is State.CAPTURED, "looking changes nothing"


async def nothing_due() -> int:
    return 0


async def test_what_ended_unused_is_marked_once(stack: Stack) -> None:
    await issue_undoable(stack)
    keeper = Housekeeper(stack.gateway.database, stack.clock, nothing_due)
    assert await keeper.once() == 0
    stack.clock.move(days=1)
    assert [await keeper.once(), await keeper.once()] == [1, 0]
    listed = await stack.client.post("/v1/vouchers/verify", json={"code": CODE}, headers=desk(stack))
    assert listed.json()["reason"] == VoucherState.EXPIRED.value
