"""Rates of exchange in the database: feeds taken in whole, and the rate that a day is converted at."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from hashlib import sha256

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.errors import RateFeedRefusedError, RateUnavailableError
from catalogue.rates import DatedRate, Pair, RateFinding, read_feed
from catalogue.tables import currency_rates, rate_feeds

_RATE = (
    currency_rates.c.rate_date,
    currency_rates.c.from_currency,
    currency_rates.c.to_currency,
    currency_rates.c.numerator,
    currency_rates.c.denominator,
    currency_rates.c.source,
)


class TakenFeed(msgspec.Struct, frozen=True):
    """A feed that is in the database; ``is_new`` is False when the same file was taken in before."""

    number: int
    rows: int
    is_new: bool


def take_feed(
    connection: Connection,
    text: str,
    *,
    name: str,
    today: date,
    at: datetime,
    by: str,
    accept_moves: bool = False,
) -> TakenFeed:
    """Take a feed in whole; the same file again is a no-op, and a later file corrects an earlier one.

    Key: the hash of the text. Stored in one transaction, the caller's: the feed and its rates.

    Args:
        connection: of a writing transaction.
        text: the file, see `catalogue.rates`.
        name: of the file, for messages.
        today: no rate may be of a later day.
        at: now.
        by: who loads it.
        accept_moves: take rates that moved further than markets do, because somebody has checked them.

    Raises:
        RateFeedRefusedError: with a line for every finding; nothing was taken.
    """
    _lock(connection)
    content_hash = sha256(text.encode()).hexdigest()
    columns = rate_feeds.c
    taken = connection.execute(
        sa.select(columns.number, columns.row_count).where(columns.content_hash == content_hash)
    ).one_or_none()
    if taken is not None:
        return TakenFeed(taken.number, taken.row_count, is_new=False)
    feed = read_feed(text, today=today, known={} if accept_moves else latest(connection))
    if feed.findings:
        raise RateFeedRefusedError("\n".join(finding_text(name, one) for one in feed.findings))
    number = 1 + (connection.execute(sa.select(sa.func.max(columns.number))).scalar_one() or 0)
    connection.execute(
        rate_feeds.insert().values(
            number=number,
            content_hash=content_hash,
            name=name,
            row_count=len(feed.rates),
            loaded_at=at,
            loaded_by=by,
        )
    )
    rows = [{**msgspec.structs.asdict(rate), "feed_number": number} for rate in feed.rates]
    if rows:
        connection.execute(currency_rates.insert(), rows)
    return TakenFeed(number, len(rows), is_new=True)


def latest(connection: Connection) -> dict[Pair, DatedRate]:
    """Give the latest rate of every pair; on one day the latest feed's."""
    ordered = sa.select(*_RATE).order_by(currency_rates.c.rate_date, currency_rates.c.feed_number)
    rates = (DatedRate(**row) for row in connection.execute(ordered).mappings())
    return {(rate.from_currency, rate.to_currency): rate for rate in rates}


def rate_on(
    connection: Connection, from_currency: str, to_currency: str, on_date: date, *, max_age_days: int
) -> DatedRate:
    """Give the rate that a day is converted at: the latest of that day or before it, in either direction.

    The pair's own direction goes before the inverse of the other one where both are of the same day.

    Args:
        connection: of any transaction.
        from_currency: ISO 4217 code.
        to_currency: ISO 4217 code, another one.
        on_date: the day.
        max_age_days: how many days older than it the rate may be.

    Raises:
        RateUnavailableError: there is none, or it is older; nothing is guessed.
    """
    found = [
        rate
        for rate in (
            _latest(connection, from_currency, to_currency, on_date),
            _latest(connection, to_currency, from_currency, on_date),
        )
        if rate is not None
    ]
    pair = f"{from_currency} to {to_currency}"
    if not found:
        raise RateUnavailableError(f"No rate from {pair} is known for {on_date}; load a feed of rates.")
    best = max(found, key=lambda rate: (rate.rate_date, rate.from_currency == from_currency))
    if best.rate_date < on_date - timedelta(days=max_age_days):
        raise RateUnavailableError(
            f"The last rate from {pair} is of {best.rate_date}, too old for {on_date}; load a feed of rates."
        )
    return best if best.from_currency == from_currency else best.inverse


def finding_text(name: str, finding: RateFinding) -> str:
    """Write a finding in one line: where, what, and what to do."""
    column = f", {finding.column}" if finding.column else ""
    return f"{name}, line {finding.line}{column}: {finding.message}; {finding.fix}."


def _latest(connection: Connection, from_currency: str, to_currency: str, on_date: date) -> DatedRate | None:
    column = currency_rates.c
    row = (
        connection.execute(
            sa.select(*_RATE)
            .where(
                column.from_currency == from_currency, column.to_currency == to_currency, column.rate_date <= on_date
            )
            .order_by(column.rate_date.desc(), column.feed_number.desc())
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else DatedRate(**row)


def _lock(connection: Connection) -> None:
    """Let one feed in at a time; SQLite's write transaction has taken everything already."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.text("LOCK TABLE rate_feeds IN SHARE ROW EXCLUSIVE MODE"))
