"""Where a member stands, how a membership ends, and bulk files."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from gateway.schemas.common import Identifier


class EndingView(msgspec.Struct, frozen=True):
    """The end of the tier ahead: ``missing`` more qualifying points by ``valid_to_date`` keep it."""

    tier: str
    valid_to_date: date
    needed: int
    missing: int
    tier_after: str


class WayBackView(msgspec.Struct, frozen=True):
    """A tier that has ended: ``missing`` more qualifying points by ``until_date`` restore it."""

    tier: str
    until_date: date
    needed: int
    missing: int


class ExpiringView(msgspec.Struct, frozen=True):
    """Points that are gone from ``expires_at`` on; ``last_date`` is the last day on which they can be spent."""

    points: int
    expires_at: datetime
    last_date: date


class StandingView(msgspec.Struct, frozen=True):
    """Where a member stands as of a day; ``qualifying_points`` are those that count that day."""

    on_date: date
    tier: str
    valid_to_date: date | None
    qualifying_points: int
    next_tier: str | None
    next_tier_missing: int
    ending: EndingView | None
    way_back: WayBackView | None
    expiring_points: list[ExpiringView]


class MergeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which membership is absorbed by the one in the path: our id or the club's own, and why."""

    absorbed: Identifier
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class MergeAnswer(msgspec.Struct, frozen=True):
    """What moved, and the tier of the member who stays."""

    member_id: str
    absorbed_id: str
    points: int
    tier: str


class CloseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a membership ends. ``forfeit_points`` must be true when points are left: they are lost."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    forfeit_points: bool = False


class CloseAnswer(msgspec.Struct, frozen=True):
    """The membership has ended."""

    member_id: str
    state: str
    forfeited_points: int


class BulkFileView(msgspec.Struct, frozen=True):
    """A bulk file as far as it has come; ``refused`` rows say why in its answers."""

    id: str
    kind: str
    reference: str
    state: Literal["working", "done", "refused"]
    rows: int
    taken: int
    refused: int
    totals: dict[str, int]
    received_at: datetime
    finished_at: datetime | None
