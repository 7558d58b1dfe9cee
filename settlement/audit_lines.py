"""The audit's rules of settlement lines: every line is booked as it says, and its shares make it up."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import literal

from settlement.audit_rules import total_of
from settlement.tables import postings, settlement_line_shares, settlement_lines

_Statement = sa.Select[Any]


def _line_unposted() -> _Statement:
    owes = sa.or_(settlement_lines.c.gross != 0, settlement_lines.c.credits != 0)
    return sa.select(settlement_lines.c.line_key).where(owes, settlement_lines.c.entry_key.is_(None))


def _line_not_booked() -> _Statement:
    """What the partner is owed by the lines of an entry is what that entry posts on the partner's accounts."""
    lines = (
        sa.select(
            settlement_lines.c.entry_key,
            settlement_lines.c.partner,
            settlement_lines.c.currency,
            total_of(settlement_lines.c.gross).label("gross"),
        )
        .where(settlement_lines.c.entry_key.is_not(None))
        .group_by(settlement_lines.c.entry_key, settlement_lines.c.partner, settlement_lines.c.currency)
        .subquery()
    )
    partner_accounts = [
        literal("partner/").concat(lines.c.partner).concat(part) for part in ("/payable", "/receivable")
    ]
    joined = lines.outerjoin(
        postings,
        sa.and_(
            postings.c.entry_key == lines.c.entry_key,
            postings.c.commodity == lines.c.currency,
            postings.c.account.in_(partner_accounts),
        ),
    )
    booked = -total_of(postings.c.amount)
    return (
        sa.select(lines.c.entry_key, lines.c.gross.label("found_lines"), booked.label("found_posted"))
        .select_from(joined)
        .group_by(lines.c.entry_key, lines.c.partner, lines.c.currency, lines.c.gross)
        .having(lines.c.gross != booked)
    )


def _shares_do_not_sum() -> _Statement:
    shared = total_of(
        sa.case((settlement_line_shares.c.commodity == settlement_lines.c.currency, settlement_line_shares.c.amount))
    )
    bartered = total_of(
        sa.case((settlement_line_shares.c.commodity != settlement_lines.c.currency, settlement_line_shares.c.amount))
    )
    joined = settlement_lines.outerjoin(
        settlement_line_shares, settlement_line_shares.c.line_key == settlement_lines.c.line_key
    )
    return (
        sa.select(
            settlement_lines.c.line_key, settlement_lines.c.gross.label("found_gross"), shared.label("found_shares")
        )
        .select_from(joined)
        .group_by(settlement_lines.c.line_key, settlement_lines.c.gross, settlement_lines.c.credits)
        .having(sa.or_(settlement_lines.c.gross != shared, settlement_lines.c.credits != bartered))
    )


LINE_RULES: dict[str, _Statement] = {
    "line_unposted": _line_unposted(),
    "line_not_booked": _line_not_booked(),
    "line_shares_do_not_sum": _shares_do_not_sum(),
}
"""Every rule of lines, by name."""
