"""What people do about a break: close, assign, dispute, reopen; the list of breaks is settlement's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from sqlalchemy import Connection

from gateway.controllers.answers import REPLAYED
from gateway.idempotency import Answer, IdempotencyKeys, keyed_request
from gateway.oauth.principal import Principal
from gateway.schemas.settlement import BreakAssignment, BreakClosing, BreakFinding, BreakView
from gateway.services import break_desk
from gateway.services.break_desk import Finding
from gateway.wiring import Gateway
from settlement.adjustments import Adjustment
from settlement.break_store import KeptBreak

BreakPath = Annotated[str, PathParameter(max_length=64, description="The break's id, as the list gives it.")]
WRITE = {"scope": "settlement:write", "idempotent": True}
SUCCESS = {
    HTTP_200_OK: "Said: the break is closed.",
    HTTP_202_ACCEPTED: "Proposed: another person has to say the same.",
}
Deed = Callable[[Connection, Finding, datetime], KeptBreak]


class BreaksController(Controller):
    """``/v1/settlement/breaks/{break_id}``."""

    path = "/v1/settlement/breaks/{break_id:str}"
    tags = ("settlement",)

    @post("/resolve", status_code=HTTP_200_OK, opt={**WRITE, "success": SUCCESS})
    async def resolve_break(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        break_id: BreakPath,
        data: JSONBody[BreakClosing],
    ) -> Response[BreakView]:
        """Close a break; 202 when a second person has to say the same, for above the contract's limit it takes two.

        With an `adjustment` what is owed changes by that, on the day on which the break is closed.
        """
        asked = data.adjustment
        adjustment = None if asked is None else Adjustment(asked.amount, asked.bearer)

        def deed(connection: Connection, finding: Finding, at: datetime) -> KeptBreak:
            return break_desk.close(
                connection,
                break_id,
                data.outcome,
                finding,
                contracts=gateway.contracts,
                at=at,
                adjustment=adjustment,
            )

        said = _Saying(gateway, principal, keys, idempotency_key)
        return await said.once("resolve_break", break_id, data, deed)

    @post("/assign", status_code=HTTP_200_OK, opt=WRITE)
    async def assign_break(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        break_id: BreakPath,
        data: JSONBody[BreakAssignment],
    ) -> Response[BreakView]:
        """Say who looks at an open break from now on."""
        said = _Saying(gateway, principal, keys, idempotency_key)
        assign = break_desk.assign
        return await said.once(
            "assign_break", break_id, data, lambda c, finding, at: assign(c, break_id, data.owner, finding, at=at)
        )

    @post("/dispute", status_code=HTTP_200_OK, opt=WRITE)
    async def dispute_break(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        break_id: BreakPath,
        data: JSONBody[BreakFinding],
    ) -> Response[BreakView]:
        """Write down that the partner was told of an open break, and what it was shown; it stays open."""
        said = _Saying(gateway, principal, keys, idempotency_key)
        dispute = break_desk.dispute
        return await said.once(
            "dispute_break", break_id, data, lambda c, finding, at: dispute(c, break_id, finding, at=at)
        )

    @post("/reopen", status_code=HTTP_200_OK, opt=WRITE)
    async def reopen_break(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        break_id: BreakPath,
        data: JSONBody[BreakFinding],
    ) -> Response[BreakView]:
        """Open again what people closed wrongly and take its adjustment back; what a run closed the night opens."""
        said = _Saying(gateway, principal, keys, idempotency_key)
        reopen = partial(break_desk.reopen, contracts=gateway.contracts)
        return await said.once(
            "reopen_break", break_id, data, lambda c, finding, at: reopen(c, break_id, finding, at=at)
        )


class _Saying:
    """Does what a caller says of a break, once for each of his keys."""

    def __init__(self, gateway: Gateway, principal: Principal, keys: IdempotencyKeys, key: str) -> None:
        self.gateway, self.principal, self.keys, self.key = gateway, principal, keys, key

    async def once(
        self, name: str, break_id: str, data: BreakFinding | BreakClosing | BreakAssignment, deed: Deed
    ) -> Response[BreakView]:
        def work(connection: Connection) -> Answer:
            now = self.gateway.clock.now()
            kept = deed(connection, Finding(self.principal.subject, data.evidence), now)
            view = BreakView.of(kept, self.gateway.catalogue.programme.today(now))
            status = HTTP_200_OK if view.proposal is None or name != "resolve_break" else HTTP_202_ACCEPTED
            return Answer(status, msgspec.json.encode(view))

        keyed = keyed_request(self.principal.caller, name, self.key, data, break_id)
        answer = await self.keys.once(keyed, work)
        headers = {REPLAYED: "true"} if answer.replayed else {}
        view = msgspec.json.decode(answer.body, type=BreakView)
        return Response(view, status_code=answer.status, headers=headers)
