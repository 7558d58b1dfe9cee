"""Settlement lines beside the ledger, on both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database
from settlement import ledger, lines
from settlement.accounts import partner_clearing
from settlement.audit import audit
from settlement.errors import LedgerConflictError
from settlement.obligations import obligations
from settlement.tables import accounts, settlement_line_shares
from tests.integration.ledger.helpers import AT, give, hold
from tests.unit.settlement.samples import AIRLINE, HOTEL, LOUNGE, fact, yuan


async def test_line_is_written_once_and_read_by_business_date(database: Database) -> None:
    owed = obligations(LOUNGE, fact())

    def story(connection: Connection) -> None:
        assert lines.record(connection, owed, AT)
        assert not lines.record(connection, owed, AT + timedelta(hours=1))
        (stored,) = lines.lines_of(connection, "skyhub-lounge", date(2026, 11, 22))
        assert stored.line == owed.line
        assert stored.id.startswith("sln_")
        assert lines.lines_of(connection, "skyhub-lounge", date(2026, 11, 23)) == ()

    await database.write(story)


async def test_known_line_with_another_content_is_a_conflict(database: Database) -> None:
    def story(connection: Connection) -> None:
        lines.record(connection, obligations(LOUNGE, fact()), AT)
        with pytest.raises(LedgerConflictError):
            lines.record(connection, obligations(LOUNGE, fact(quantity=3)), AT)

    await database.write(story)


async def test_replay_on_a_later_day_keeps_the_first_business_date(database: Database) -> None:
    def story(connection: Connection) -> None:
        lines.record(connection, obligations(LOUNGE, fact()), AT)
        later = obligations(LOUNGE, fact(occurred_at=AT + timedelta(days=2)))
        assert not lines.record(connection, later, AT + timedelta(days=2))
        assert len(lines.lines_of(connection, "skyhub-lounge", date(2026, 11, 22))) == 1

    await database.write(story)


async def test_shares_of_a_joint_benefit_are_stored(database: Database) -> None:
    joint = fact(
        partner="expedia-rapid",
        kind="joint",
        benefit_id="hotel-upgrade",
        quantity=1,
        partner_price=yuan(60_000),
        base_price=yuan(50_000),
    )

    def story(connection: Connection) -> dict[str, int]:
        lines.record(connection, obligations(HOTEL, joint), AT)
        return {row.bearer: row.amount for row in connection.execute(sa.select(settlement_line_shares))}

    assert await database.write(story) == {"maker": 55_000, "dealer": 3_000, "partner": 2_000}


async def test_conversion_books_points_miles_and_money_in_one_entry(database: Database) -> None:
    converted = fact(partner="skyward-miles", kind="conversion", benefit_id=None, quantity=801, points=1000)

    def story(connection: Connection) -> dict[tuple[str, str], int]:
        give(connection, "a", 1000)
        hold(connection, "c", 1000)
        owed = obligations(AIRLINE, converted)
        ledger.capture(
            connection,
            hold_key="c:hold",
            key="c:capture",
            at=AT,
            to=partner_clearing("skyward-miles", "PTS"),
            also=owed.postings,
        )
        lines.record(connection, owed, AT, entry_key="c:capture")
        assert audit(connection).findings == ()
        found = connection.execute(sa.select(accounts).where(accounts.c.code.like("partner/%")))
        return {(row.code, row.commodity): row.balance for row in found}

    assert await database.write(story) == {
        ("partner/skyward-miles/clearing", "PTS"): 1000,
        ("partner/skyward-miles/clearing", "MILES:skyward-miles"): -801,
        ("partner/skyward-miles/receivable", "MILES:skyward-miles"): 801,
        ("partner/skyward-miles/payable", "CNY"): -5206,
    }
