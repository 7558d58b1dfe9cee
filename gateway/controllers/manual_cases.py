"""Redemptions and reversals that only people can end: two of them, with evidence."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from sqlalchemy import Connection

from gateway.controllers.answers import REPLAYED
from gateway.idempotency import Answer, IdempotencyKeys, keyed_request
from gateway.oauth.principal import Principal
from gateway.pages import DEFAULT_LIMIT, Cursors, cut
from gateway.redemption import people
from gateway.redemption.people import Finding, ManualCase, Outcome, Proposal
from gateway.schemas.common import Cursor, Limit
from gateway.wiring import Gateway

CasePath = Annotated[str, PathParameter(max_length=80, description="The case's id, as the list gives it.")]
PartnerFilter = Annotated[str | None, QueryParameter(max_length=64, description="Only this partner's.")]
SUCCESS = {
    HTTP_200_OK: "Confirmed: the case has ended.",
    HTTP_202_ACCEPTED: "Proposed: another person has to say the same.",
}


class DecisionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person found out.

    Of a redemption `issued` or `not_issued`, of a reversal `undone` or `stands`, of a claim `withdrawn` or `accepted`.
    """

    outcome: Outcome
    evidence: Annotated[str, msgspec.Meta(min_length=10, max_length=2000)]
    partner_reference: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None


class UndoingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to take back: a redemption that was captured wrongly, whole; with `points` only those, and it stands."""

    redemption_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    evidence: Annotated[str, msgspec.Meta(min_length=10, max_length=2000)]
    points: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] | None = None


class CasePage(msgspec.Struct, frozen=True):
    """One page of cases."""

    items: tuple[ManualCase, ...]
    next_cursor: str | None


class DecisionView(msgspec.Struct, frozen=True):
    """Where a case stands after what was said: ended, or waiting for a second person."""

    id: str
    ended: bool
    proposal: Proposal | None


class ManualCasesController(Controller):
    """``/v1/manual-cases``."""

    path = "/v1/manual-cases"
    tags = ("operators",)

    @get(opt={"scope": "operations:read"})
    async def list_manual_cases(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        partner: PartnerFilter = None,
    ) -> CasePage:
        """List what waits for people, by id, with what one person has proposed."""
        purpose = f"manual cases {principal.caller} {partner}"
        after = str(cursors.open(purpose, cursor)[0]) if cursor is not None else ""
        rows = await gateway.database.read(partial(people.cases, after=after, limit=limit + 1, partner=partner))
        items, following = cut(rows, limit, lambda case: (case.id,), partial(cursors.seal, purpose))
        return CasePage(tuple(items), following)

    @post(
        status_code=HTTP_202_ACCEPTED,
        opt={"scope": "operations:write", "idempotent": True},
    )
    async def open_manual_case(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        data: JSONBody[UndoingRequest],
    ) -> Response[ManualCase]:
        """Open a case to take back what was captured; a second person has to decide that it is undone."""
        finding = Finding("undone", data.evidence, principal.subject)

        def work(connection: Connection) -> Answer:
            now = gateway.clock.now()
            case = people.open_undoing(connection, data.redemption_id, finding, data.points, now)
            return Answer(HTTP_202_ACCEPTED, msgspec.json.encode(case))

        keyed = keyed_request(principal.caller, "open_manual_case", idempotency_key, data)
        answer = await keys.once(keyed, work)
        headers = {REPLAYED: "true"} if answer.replayed else {}
        return Response(msgspec.json.decode(answer.body, type=ManualCase), status_code=answer.status, headers=headers)

    @post(
        "/{case_id:str}/decide",
        status_code=HTTP_200_OK,
        opt={"scope": "operations:write", "idempotent": True, "success": SUCCESS},
    )
    async def decide_manual_case(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        case_id: CasePath,
        data: JSONBody[DecisionRequest],
    ) -> Response[DecisionView]:
        """Say what became of a case: 202 when a second person has to say the same, 200 when that was this call."""
        finding = Finding(data.outcome, data.evidence, principal.subject, data.partner_reference)

        def work(connection: Connection) -> Answer:
            now = gateway.clock.now()
            waiting = people.decide(connection, gateway.engine, gateway.effects, case_id, finding, now)
            view = DecisionView(case_id, waiting is None, waiting)
            return Answer(HTTP_200_OK if waiting is None else HTTP_202_ACCEPTED, msgspec.json.encode(view))

        keyed = keyed_request(principal.caller, "decide_manual_case", idempotency_key, data, case_id)
        answer = await keys.once(keyed, work)
        view = msgspec.json.decode(answer.body, type=DecisionView)
        headers = {REPLAYED: "true"} if answer.replayed else {}
        return Response(view, status_code=answer.status, headers=headers)
