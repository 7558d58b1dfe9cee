"""What operators do over HTTP: switch a partner off and on, read alarms, what is overdue and what is claimed."""

from __future__ import annotations

from functools import partial
from typing import Any

from gateway.operations import switches
from gateway.operations.alarms import Alarms
from tests.api.conftest import Stack

READ, WRITE = "operations:read", "operations:write"


async def switched(stack: Stack, what: str, partner: str = "skyhub-lounge", reason: str = "books wrong dates") -> Any:
    return await stack.client.post(
        f"/v1/partners/{partner}/{what}", json={"reason": reason}, headers=stack.bearer("ann", WRITE)
    )


async def test_a_partner_is_switched_off_and_on(stack: Stack) -> None:
    member = await stack.add_member()
    wanted = {"kind": "visit", "airport": "PVG", "lounge_id": "PVG-T2", "visit_date": "2026-11-23"}
    body = {"benefit_id": "lounge-visit", "service": wanted, "pay_with": "points"}
    off = await switched(stack, "disable")
    assert (off.status_code, off.json()["switch"]["disabled"], off.json()["breaker"]) == (200, True, "closed")
    refused = await stack.client.post("/v1/quotes", json=body, headers=stack.member(member))
    assert (refused.status_code, refused.json()["code"]) == (503, "partner_disabled")
    assert refused.headers["retry-after"] == "600"
    shown = await stack.client.get("/v1/partners/skyhub-lounge", headers=stack.bearer("ann", READ))
    change = shown.json()["switch"]["last_change"]
    assert (change["change"], change["changed_by"], change["reason"]) == ("disabled", "ann", "books wrong dates")
    assert (await switched(stack, "disable")).status_code == 409
    assert (await switched(stack, "enable")).json()["switch"]["disabled"] is False
    after = await stack.client.post("/v1/quotes", json=body, headers=stack.member(member))
    assert after.json()["code"] == "partner_unavailable", "nobody answers there, but it is asked"
    assert (await switched(stack, "disable", partner="nobody")).status_code == 404
    assert (await switched(stack, "disable", reason="x")).status_code == 400


async def test_a_partner_is_trusted_again(stack: Stack) -> None:
    assert (await switched(stack, "trust")).status_code == 409, "it is trusted"
    distrust = partial(switches.change, partner="skyhub-lounge", what="distrusted", reason="two for one", by="gateway")
    await stack.gateway.database.write(partial(distrust, at=stack.clock.now()))
    trusted = await switched(stack, "trust", reason="mended, ticket 7")
    assert (trusted.status_code, trusted.json()["switch"]["distrusted"]) == (200, False)


async def test_alarms_are_listed_newest_first_and_paged(stack: Stack) -> None:
    alarms, gateway = Alarms(stack.gateway.identifiers), stack.gateway
    for kind, partner in (("one", None), ("two", "skyhub-lounge"), ("two", "skyhub-lounge")):
        raised = partial(
            alarms.raise_alarm, kind=kind, subject="s", at=gateway.clock.now(), partner=partner, facts={"a": "b"}
        )
        await gateway.database.write(raised)
        stack.clock.move(seconds=1)
    headers = stack.bearer("ops", READ)
    first = (await stack.client.get("/v1/alarms?limit=1", headers=headers)).json()
    assert [(one["kind"], one["times"]) for one in first["items"]] == [("two", 2)]
    rest = (await stack.client.get(f"/v1/alarms?limit=1&cursor={first['next_cursor']}", headers=headers)).json()
    assert ([one["kind"] for one in rest["items"]], rest["next_cursor"]) == (["one"], None)
    assert (await stack.client.get("/v1/alarms?partner=skyhub-lounge", headers=headers)).json()["items"] == first[
        "items"
    ]
    assert len((await stack.client.get("/v1/alarms?kind=one", headers=headers)).json()["items"]) == 1


async def test_what_is_overdue_and_claimed_is_listed(stack: Stack) -> None:
    headers = stack.bearer("ops", READ)
    for path in ("/v1/overdue", "/v1/claims", "/v1/overdue?partner=skyhub-lounge"):
        assert (await stack.client.get(path, headers=headers)).json() == {"items": [], "next_cursor": None}
