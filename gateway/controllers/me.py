"""The member's own page."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter
from sqlalchemy import Connection

from gateway.languages import chosen_locale
from gateway.oauth.principal import Principal
from gateway.pages import DEFAULT_LIMIT, Cursors, Position, cut
from gateway.schemas.common import Cursor, Limit
from gateway.schemas.members import ActivityPage, Me
from gateway.schemas.programme import StandingView
from gateway.services import members
from gateway.services.standing import read_standing
from gateway.wiring import Gateway
from settlement.balances import Movement, activity

AcceptLanguage = Annotated[str | None, HeaderParameter(name="Accept-Language", description="zh-CN or en")]

OnDate = Annotated[date | None, QueryParameter(description="As of this day of the programme; default: today.")]


class MeController(Controller):
    """Profile, wallet and movements."""

    path = "/v1/me"
    tags = ("member",)
    opt = {"scope": "profile:read"}  # noqa: RUF012

    @get()
    async def get_me(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        accept_language: AcceptLanguage = None,
    ) -> Me:
        """Give profile, tier, wallet and links."""
        operation = partial(
            members.read_me,
            programme=gateway.catalogue.programme,
            member_id=principal.member_id,
            locale=chosen_locale(accept_language),
            now=gateway.clock.now(),
        )
        return await gateway.database.read(operation)

    @get("/standing")
    async def get_my_standing(
        self, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal], on: OnDate = None
    ) -> StandingView:
        """Say where the member stands, now or as of a day: tier, what keeps it, the way back, points that expire."""
        operation = partial(
            read_standing,
            programme=gateway.catalogue.programme,
            member_id=principal.member_id,
            on_date=on,
            now=gateway.clock.now(),
        )
        return await gateway.database.read(operation)

    @get("/activity")
    async def list_activity(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> ActivityPage:
        """List point movements, newest first."""
        member_id = principal.member_id
        purpose = f"activity {principal.caller}"
        before = _position(cursors.open(purpose, cursor)) if cursor is not None else None

        def read(connection: Connection) -> tuple[Movement, ...]:
            members.require_member(connection, member_id)
            return activity(connection, member_id, before=before, limit=limit + 1)

        rows = await gateway.database.read(read)
        items, following = cut(rows, limit, _key, partial(cursors.seal, purpose))
        return ActivityPage([members.present(movement) for movement in items], following)


def _key(movement: Movement) -> Position:
    at, key = movement.cursor
    return at.isoformat(), key


def _position(position: Position) -> tuple[datetime, str]:
    at, key = position
    return datetime.fromisoformat(str(at)), str(key)
