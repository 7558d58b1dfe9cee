"""Accounts that the audit stopped, and how two people let them go."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from sqlalchemy import Connection

from gateway.controllers.answers import REPLAYED
from gateway.idempotency import Answer, IdempotencyKeys, keyed_request
from gateway.oauth.principal import Principal
from gateway.operations.frozen import Release, say_release
from gateway.pages import DEFAULT_LIMIT, Cursors, cut
from gateway.schemas.common import Cursor, Limit
from gateway.wiring import Gateway
from settlement import freezing
from settlement.freezing import FrozenAccount

FrozenPath = Annotated[str, PathParameter(max_length=40, description="The id that the list gives it.")]
SUCCESS = {
    HTTP_200_OK: "Released: balance and lots are what the entries say.",
    HTTP_202_ACCEPTED: "Proposed: another person has to say the same.",
}


class ReleaseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the account may go on: what had changed it, and how that was ended."""

    evidence: Annotated[str, msgspec.Meta(min_length=10, max_length=2000)]


class FrozenPage(msgspec.Struct, frozen=True):
    """One page of stopped accounts."""

    items: tuple[FrozenAccount, ...]
    next_cursor: str | None


class FrozenAccountsController(Controller):
    """``/v1/frozen-accounts``."""

    path = "/v1/frozen-accounts"
    tags = ("operators",)

    @get(opt={"scope": "operations:read"})
    async def list_frozen_accounts(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> FrozenPage:
        """List the accounts that take no movement, with what was found and what one person has proposed."""
        purpose = f"frozen accounts {principal.caller}"
        after = str(cursors.open(purpose, cursor)[0]) if cursor is not None else ""
        rows = await gateway.database.read(partial(freezing.frozen, after=after, limit=limit + 1))
        items, following = cut(rows, limit, lambda one: (one.id,), partial(cursors.seal, purpose))
        return FrozenPage(tuple(items), following)

    @post(
        "/{frozen_id:str}/release",
        status_code=HTTP_200_OK,
        opt={"scope": "operations:write", "idempotent": True, "success": SUCCESS},
    )
    async def release_frozen_account(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        frozen_id: FrozenPath,
        data: JSONBody[ReleaseRequest],
    ) -> Response[Release]:
        """Let an account go: 202 when a second person has to say the same, 200 when that was this call."""

        def work(connection: Connection) -> Answer:
            now = gateway.clock.now()
            said = say_release(connection, frozen_id, by=principal.subject, evidence=data.evidence, at=now)
            return Answer(HTTP_200_OK if said.released else HTTP_202_ACCEPTED, msgspec.json.encode(said))

        keyed = keyed_request(principal.caller, "release_frozen_account", idempotency_key, data, frozen_id)
        answer = await keys.once(keyed, work)
        view = msgspec.json.decode(answer.body, type=Release)
        headers = {REPLAYED: "true"} if answer.replayed else {}
        return Response(view, status_code=answer.status, headers=headers)
