"""What operators must look at: alarms, what is undecided past its deadline, what partners claim."""

from __future__ import annotations

from functools import partial as bound
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from gateway.oauth.principal import Principal
from gateway.operations import overdue
from gateway.operations.alarms import Alarm, list_alarms
from gateway.operations.overdue import Claim, Overdue
from gateway.pages import DEFAULT_LIMIT, Cursors, cut
from gateway.schemas.common import Cursor, Limit
from gateway.wiring import Gateway

PartnerFilter = Annotated[str | None, QueryParameter(max_length=64, description="Only this partner's.")]
KindFilter = Annotated[str | None, QueryParameter(max_length=48, description="Only alarms of this kind.")]


class AlarmPage(msgspec.Struct, frozen=True):
    """One page of alarms."""

    items: tuple[Alarm, ...]
    next_cursor: str | None


class OverduePage(msgspec.Struct, frozen=True):
    """One page of what should have ended."""

    items: tuple[Overdue, ...]
    next_cursor: str | None


class ClaimPage(msgspec.Struct, frozen=True):
    """One page of claims."""

    items: tuple[Claim, ...]
    next_cursor: str | None


class WatchController(Controller):
    """``/v1/alarms``, ``/v1/overdue``, ``/v1/claims``."""

    path = "/v1"
    tags = ("operators",)
    opt = {"scope": "operations:read"}  # noqa: RUF012

    @get("/alarms")
    async def list_alarms(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        kind: KindFilter = None,
        partner: PartnerFilter = None,
    ) -> AlarmPage:
        """List alarms, newest first; the same thing found again is counted, not repeated."""
        purpose = f"alarms {principal.caller} {kind} {partner}"
        before = str(cursors.open(purpose, cursor)[0]) if cursor is not None else None
        read = bound(list_alarms, after=before, limit=limit + 1, kind=kind, partner=partner)
        rows = await gateway.database.read(read)
        items, following = cut(rows, limit, lambda one: (one.id,), bound(cursors.seal, purpose))
        return AlarmPage(tuple(items), following)

    @get("/overdue")
    async def list_overdue(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        partner: PartnerFilter = None,
    ) -> OverduePage:
        """List redemptions and reversals that are undecided past their deadline, by id, with their age."""
        purpose = f"overdue {principal.caller} {partner}"
        after = str(cursors.open(purpose, cursor)[0]) if cursor is not None else ""
        read = bound(overdue.overdue, now=gateway.clock.now(), after=after, limit=limit + 1, partner=partner)
        items, following = cut(
            await gateway.database.read(read), limit, lambda one: (one.id,), bound(cursors.seal, purpose)
        )
        return OverduePage(tuple(items), following)

    @get("/claims")
    async def list_claims(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        partner: PartnerFilter = None,
    ) -> ClaimPage:
        """List voided redemptions that a partner says it granted; what it will ask is in suspense."""
        purpose = f"claims {principal.caller} {partner}"
        after = str(cursors.open(purpose, cursor)[0]) if cursor is not None else ""
        read = bound(overdue.list_claims, now=gateway.clock.now(), after=after, limit=limit + 1, partner=partner)
        items, following = cut(
            await gateway.database.read(read), limit, lambda one: (one.id,), bound(cursors.seal, purpose)
        )
        return ClaimPage(tuple(items), following)
