"""Where a member stands in the programme: tier, what keeps it, what raises it, what expires; now or as of a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from catalogue import members, programme_standing, programme_tiers, statuses
from catalogue.calendar import end_of
from catalogue.programme import Programme
from catalogue.programme_standing import Settled
from catalogue.programme_tiers import Credit, Standing
from config.errors import RuleError
from gateway.schemas.programme import EndingView, ExpiringView, StandingView, WayBackView
from gateway.services import care
from settlement.member_points import Expiring, expiring, qualifying_credits

LOOK_AHEAD = timedelta(days=366)
"""How far the list of expiring points looks."""


def history_of(connection: Connection, programme: Programme, member_id: str) -> list[Credit]:
    """Read a member's qualifying credits by the programme's day."""
    found = qualifying_credits(connection, member_id)
    return [Credit(programme.today(at), points) for at, points in found]


def settle(connection: Connection, programme: Programme, member_id: str, at: datetime) -> Settled:
    """Bring a member's tier up to date and tell of what changed; see `catalogue.programme_standing.settle`."""
    history = history_of(connection, programme, member_id)
    settled = programme_standing.settle(connection, programme, member_id, history, at)
    care.tell_settled(connection, member_id, settled, at)
    return settled


def standing_of(connection: Connection, programme: Programme, member_id: str, on_date: date) -> Standing:
    """Work out where a member stands as of a day."""
    held = statuses.held_statuses(connection, member_id)
    return programme_tiers.standing(programme, held, history_of(connection, programme, member_id), on_date)


def read_standing(
    connection: Connection, programme: Programme, *, member_id: str, on_date: date | None, now: datetime
) -> StandingView:
    """Gather a member's standing; points that expire are those known now, counted from the day asked for.

    Raises:
        NotFoundError: no such member.
        RuleError: the day lies ahead.
    """
    members.get_member(connection, member_id)
    today = programme.today(now)
    day = on_date or today
    if day > today:
        raise RuleError("A standing is known up to today.", parameter="on")
    found = standing_of(connection, programme, member_id, day)
    after = now if day == today else end_of(day, programme.time_zone)
    return _present(found, expiring(connection, member_id, after, after + LOOK_AHEAD), programme)


def _present(found: Standing, ahead: list[Expiring], programme: Programme) -> StandingView:
    end, back = found.ending, found.way_back
    return StandingView(
        on_date=found.on_date,
        tier=found.tier,
        valid_to_date=found.valid_to_date,
        qualifying_points=found.qualifying,
        next_tier=found.next_tier,
        next_tier_missing=found.next_missing,
        ending=EndingView(end.tier, end.valid_to_date, end.needed, end.missing, end.tier_after) if end else None,
        way_back=WayBackView(back.tier, back.until_date, back.needed, back.missing) if back else None,
        expiring_points=[
            ExpiringView(one.points, one.expires_at, programme.today(one.expires_at) - timedelta(days=1))
            for one in ahead
        ],
    )
