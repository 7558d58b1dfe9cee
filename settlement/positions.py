"""Net positions out of the database: shares of lines summed by what reconciliation says of them, then netted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from config.errors import MalformedError
from settlement import adjustments
from settlement.netting import NetPosition, NettingLine, net
from settlement.night_tables import breaks, settlement_matches
from settlement.tables import settlement_line_shares, settlement_lines


def period_days(period: str) -> tuple[date, date]:
    """Answer the first and last day of a period ``YYYY-MM``.

    Raises:
        MalformedError: not such a text.
    """
    try:
        first = date.fromisoformat(f"{period}-01")
    except ValueError as error:
        raise MalformedError(f"A period is a month such as 2026-11, not {period[:20]!r}.") from error
    return first, (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def standing_of_line() -> sa.ColumnElement[str]:
    """Answer the SQL for a line's standing; joins `settlement_matches` by record and uses `breaks`.

    A line with a break of its own is disputed until that is closed; one that is matched, or whose break a person has
    closed, is agreed, and so is what people adjusted; one that no run has seen is unreconciled.
    """
    line = settlement_lines.c.id
    opened = sa.exists().where(breaks.c.ours_id == line, breaks.c.state != "closed")
    seen = sa.exists().where(breaks.c.ours_id == line)
    differs = settlement_matches.c.outcome != "matched"
    group = breaks.c.reference == settlement_matches.c.group_reference
    same_partner = breaks.c.partner == settlement_lines.c.partner
    grouped = sa.exists().where(same_partner, group, breaks.c.state != "closed", differs)
    return sa.case(
        (settlement_lines.c.kind == adjustments.KIND, "agreed"),
        (opened | grouped, "disputed"),
        (settlement_matches.c.record.is_not(None) | seen, "agreed"),
        else_="unreconciled",
    )


def positions(connection: Connection, period: str, partner: str | None = None) -> tuple[NetPosition, ...]:
    """Net a period, ordered by partner, currency and bearer.

    Args:
        connection: any.
        period: ``YYYY-MM``; lines belong to it by business date.
        partner: only this partner's.

    Raises:
        MalformedError: the period is not a month.
    """
    line, share = settlement_lines.c, settlement_line_shares.c
    standing = standing_of_line().label("standing")
    query: sa.Select[Any] = (
        sa.select(line.partner, share.commodity, share.bearer, standing)
        .add_columns(sa.func.sum(share.amount).label("amount"), sa.func.count().label("lines"))
        .join_from(settlement_lines, settlement_line_shares, share.line_key == line.line_key)
        .outerjoin(settlement_matches, settlement_matches.c.record == line.id)
        .where(line.business_date.between(*period_days(period)))
        .group_by(line.partner, share.commodity, share.bearer, sa.text("standing"))
    )
    if partner is not None:
        query = query.where(line.partner == partner)
    return net(
        NettingLine(row.partner, period, row.commodity, row.bearer, row.standing, int(row.amount), row.lines)
        for row in connection.execute(query)
    )
