"""What finance's files say: columns and rows, read from the database in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.currencies import EXPONENTS
from catalogue.values import Money
from settlement.break_store import KeptBreak
from settlement.breaks import Break
from settlement.errors import ExportError
from settlement.exports.csv_text import Cell
from settlement.netting import NetPosition
from settlement.night_tables import settlement_matches, statement_lines
from settlement.positions import period_days, standing_of_line
from settlement.tables import settlement_line_shares, settlement_lines

BEARERS = ("maker", "dealer", "partner")

DETAIL_COLUMNS = (
    "line_id",
    "business_date",
    "service_date",
    "partner",
    "kind",
    "way",
    "terms_id",
    "benefit_id",
    "redemption_id",
    "reference",
    "partner_reference",
    "statement_line_id",
    "quantity",
    "currency",
    "gross",
    "tax",
    "net",
    "credits",
    "points",
    *(f"{bearer}_share" for bearer in BEARERS),
    "standing",
    "match_pass",
)
MONEY_COLUMNS = frozenset({"gross", "tax", "net", *(f"{bearer}_share" for bearer in BEARERS)})
NUMBER_COLUMNS = MONEY_COLUMNS | {"quantity", "credits", "points"}

BREAK_COLUMNS = (
    "break_id",
    "business_date",
    "partner",
    "kind",
    "state",
    "owner",
    "reference",
    "ours_id",
    "ours_currency",
    "ours_amount",
    "theirs_id",
    "theirs_currency",
    "theirs_amount",
    "close_reason",
    "closed_by",
    "adjusted",
)
POSITION_COLUMNS = (
    "partner",
    "period",
    "currency",
    "bearer",
    "agreed",
    "disputed",
    "unreconciled",
    "total",
    "lines",
)


class DetailRow(msgspec.Struct, frozen=True):
    """One settlement line for the files; cells in the order of `DETAIL_COLUMNS`."""

    currency: str
    gross: int
    tax: int
    net: int
    cells: tuple[Cell, ...]


def amount(units: int | None, commodity: str | None) -> Cell:
    """Give an amount its currency's decimals; what is no currency (barter credits) is counted whole."""
    if units is None or commodity is None:
        return None
    return Money(units, commodity) if commodity in EXPONENTS else units


def detail_rows(connection: Connection, partner: str, period: str) -> Iterator[DetailRow]:
    """Give the lines of a partner's period ordered by business date and id, each with its bearers' shares.

    Raises:
        ExportError: a line in something that is no currency.
    """
    line, share, pair = settlement_lines.c, settlement_line_shares.c, settlement_matches.c
    counterpart = pair.theirs_id.label("statement_line_id")
    query: sa.Select[Any] = (
        sa.select(settlement_lines, counterpart, pair.pass_name, standing_of_line().label("standing"))
        .add_columns(statement_lines.c.partner_reference.label("their_reference"), share.bearer, share.amount)
        .outerjoin_from(settlement_lines, settlement_matches, pair.record == line.id)
        .outerjoin(statement_lines, statement_lines.c.id == pair.theirs_id)
        .outerjoin(settlement_line_shares, sa.and_(share.line_key == line.line_key, share.commodity == line.currency))
        .where(line.partner == partner, line.business_date.between(*period_days(period)))
        .order_by(line.business_date, line.id, share.bearer)
        .execution_options(yield_per=10_000)
    )
    for _, rows in groupby(connection.execute(query), key=lambda row: row.id):
        yield _detail(list(rows))


def _detail(rows: list[Any]) -> DetailRow:
    row = rows[0]
    if row.currency not in EXPONENTS:
        raise ExportError(f"Line {row.id} is in {row.currency}, which has no minor unit and is not settled in.")
    shares = {part.bearer: part.amount for part in rows if part.bearer is not None}
    values = {
        **row._mapping,
        "line_id": row.id,
        "partner_reference": row.partner_reference or row.their_reference,
        "match_pass": row.pass_name,
        "gross": Money(row.gross, row.currency),
        "tax": Money(row.tax, row.currency),
        "net": Money(row.net, row.currency),
        **{f"{bearer}_share": Money(shares.get(bearer, 0), row.currency) for bearer in BEARERS},
    }
    cells = tuple(values[column] for column in DETAIL_COLUMNS)
    return DetailRow(currency=row.currency, gross=row.gross, tax=row.tax, net=row.net, cells=cells)


def break_rows(kept: list[KeptBreak]) -> Iterator[tuple[Cell, ...]]:
    """Give breaks in the order of `BREAK_COLUMNS`; nothing in them depends on the day of writing."""
    for row in kept:
        item: Break = row.item
        yield (
            item.id,
            item.business_date,
            item.partner,
            item.kind,
            row.state,
            item.owner,
            item.reference,
            item.ours_id,
            item.ours_currency,
            amount(item.ours_amount, item.ours_currency),
            item.theirs_id,
            item.theirs_currency,
            amount(item.theirs_amount, item.theirs_currency),
            row.close_reason,
            " and ".join(row.closed_by) or None,
            None if row.adjusted is None else amount(row.adjusted[1].amount, row.adjusted[1].currency),
        )


def position_rows(found: tuple[NetPosition, ...]) -> Iterator[tuple[Cell, ...]]:
    """Give positions in the order of `POSITION_COLUMNS`."""
    for item in found:
        parts = (item.agreed, item.disputed, item.unreconciled, item.total)
        sums = tuple(amount(part, item.currency) for part in parts)
        yield (item.partner, item.period, item.currency, item.bearer, *sums, item.lines)
