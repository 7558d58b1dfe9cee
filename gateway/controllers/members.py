"""What the club's systems tell of members: who they are and what they earned."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated

from litestar import Controller, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from sqlalchemy import Connection

from gateway.controllers.answers import keyed_response, stored
from gateway.idempotency import Answer, IdempotencyKeys, keyed_request
from gateway.oauth.principal import Principal
from gateway.schemas.members import AccrualAnswer, AccrualBody, MemberAnswer, MemberBody
from gateway.schemas.programme import CloseAnswer, CloseBody, MergeAnswer, MergeBody, StandingView
from gateway.services import accruals, member_ends, members, standing
from gateway.wiring import Gateway

MemberPath = Annotated[
    str,
    PathParameter(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$",
        max_length=64,
        description="Our id (`mbr_...`) or the club's own id of the member.",
    ),
]


OnDate = Annotated[date | None, QueryParameter(description="As of this day of the programme; default: today.")]


class MembersController(Controller):
    """Members and accruals."""

    path = "/v1/members"
    tags = ("programme systems",)

    @put("/{member_id:str}", status_code=HTTP_200_OK, opt={"scope": "members:write"})
    async def put_member(
        self, member_id: MemberPath, data: JSONBody[MemberBody], gateway: NamedDependency[Gateway]
    ) -> MemberAnswer:
        """Create a member under the club's own id, or bring a known one up to date."""
        operation = partial(
            members.put_member,
            programme=gateway.catalogue.programme,
            named=member_id,
            body=data,
            new_id=gateway.identifiers.new("member"),
            now=gateway.clock.now(),
        )
        return await gateway.database.write(operation)

    @post(
        "/{member_id:str}/accruals",
        status_code=HTTP_201_CREATED,
        opt={"scope": "points:write", "idempotent": True},
    )
    async def create_accrual(
        self,
        member_id: MemberPath,
        data: JSONBody[AccrualBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
    ) -> Response[AccrualAnswer]:
        """Credit what an activity earned; counted once per client and reference."""

        def work(connection: Connection) -> Answer:
            answer = accruals.accrue(
                connection,
                gateway.catalogue.programme,
                client_id=principal.client_id,
                member=member_id,
                body=data,
                now=gateway.clock.now(),
            )
            return stored(answer)

        request = keyed_request(principal.caller, "create_accrual", idempotency_key, member_id, data)
        return keyed_response(await keys.once(request, work), AccrualAnswer)

    @get("/{member_id:str}/standing", opt={"scope": "members:write"})
    async def get_standing(
        self, member_id: MemberPath, gateway: NamedDependency[Gateway], on: OnDate = None
    ) -> StandingView:
        """Say where a member stands, now or as of a day: tier, what keeps it, the way back, points that expire."""

        def read(connection: Connection) -> StandingView:
            found = members.member_of_path(connection, member_id)
            now = gateway.clock.now()
            return standing.read_standing(connection, gateway.catalogue.programme, member_id=found, on_date=on, now=now)

        return await gateway.database.read(read)

    @post(
        "/{member_id:str}/merge",
        status_code=HTTP_201_CREATED,
        opt={"scope": "points:adjust", "idempotent": True},
    )
    async def merge_members(
        self,
        member_id: MemberPath,
        data: JSONBody[MergeBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
    ) -> Response[MergeAnswer]:
        """Merge another membership into this one; refused while anything of either is undecided."""

        def work(connection: Connection) -> Answer:
            answer = member_ends.merge_members(
                connection,
                gateway.catalogue.programme,
                kept=member_id,
                absorbed=data.absorbed,
                reason=data.reason,
                now=gateway.clock.now(),
            )
            return stored(answer)

        request = keyed_request(principal.caller, "merge_members", idempotency_key, member_id, data)
        return keyed_response(await keys.once(request, work), MergeAnswer)

    @post(
        "/{member_id:str}/close",
        status_code=HTTP_201_CREATED,
        opt={"scope": "points:adjust", "idempotent": True},
    )
    async def close_member(
        self,
        member_id: MemberPath,
        data: JSONBody[CloseBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
    ) -> Response[CloseAnswer]:
        """End a membership; refused while anything is undecided, or points are left and not forfeited."""

        def work(connection: Connection) -> Answer:
            answer = member_ends.close_member(
                connection,
                member=member_id,
                reason=data.reason,
                forfeit_points=data.forfeit_points,
                now=gateway.clock.now(),
            )
            return stored(answer)

        request = keyed_request(principal.caller, "close_member", idempotency_key, member_id, data)
        return keyed_response(await keys.once(request, work), CloseAnswer)
