"""The audit is silent on a true ledger and finds every kind of corruption that is planted."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Connection

from catalogue.values import Money
from config.database import Database
from settlement import audit, issues, ledger, lines
from settlement.accounts import counter_account
from settlement.obligations import Fact, obligations
from tests.integration.ledger.direct import corrupt
from tests.integration.ledger.helpers import AT, MEMBER, days, give, hold, reverse, void
from tests.unit.settlement.samples import HOTEL

LINE_KEY = "r1:benefit"


def full_story(connection: Connection) -> None:
    """Every kind of entry once: a capture with its money, a reversal, a void, an open hold, an expiry, a release."""
    give(connection, "soon", 100, days(1))
    give(connection, "late", 500, days(90))
    for name, quantity in (("r1", 150), ("r2", 40), ("r3", 25)):
        hold(connection, name, quantity)
    fact = Fact(
        kind="joint",
        partner="expedia-rapid",
        redemption_id="r1",
        line_key=LINE_KEY,
        reference="r1key",
        partner_reference=None,
        benefit_id="hotel-upgrade",
        member_hash=None,
        service_date=date(2026, 11, 25),
        occurred_at=AT,
        quantity=1,
        partner_price=Money(70_001, "CNY"),
        base_price=Money(50_000, "CNY"),
        points=150,
    )
    owed = obligations(HOTEL, fact)
    ledger.capture(
        connection,
        hold_key="r1:hold",
        key="r1:capture",
        at=AT,
        to=counter_account("PTS"),
        also=owed.postings,
        quantity=140,
    )
    assert lines.record(connection, owed, AT, entry_key="r1:capture")
    reverse(connection, "r1", 1, 60)
    void(connection, "r2")
    issues.expire_lots(connection, at=days(2))
    ledger.accrue_pending(connection, key="p", member_id=MEMBER, points=70, qualifying=14, at=AT, reference="invoice 7")
    ledger.release(connection, accrual_key="p", key="p:release", at=days(14), expires_at=days(400))


SPECIMENS = {
    "entry_unbalanced": "UPDATE postings SET amount = amount + 1 WHERE entry_key = 'late' AND number = 1",
    "entry_one_sided": "DELETE FROM postings WHERE entry_key = 'late' AND number = 2",
    "posting_unsealed": "DELETE FROM journal_entries WHERE key = 'late'",
    "posting_without_account": "DELETE FROM accounts WHERE code = 'programme/liability'",
    "key_twice": "INSERT INTO journal_entries SELECT * FROM journal_entries WHERE key = 'late'",
    "account_overdrawn": f"UPDATE accounts SET balance = -1 WHERE code = 'member/{MEMBER}/held'",
    "member_may_go_negative": f"UPDATE accounts SET may_go_negative = true WHERE code = 'member/{MEMBER}/held'",
    "balance_drifted": "UPDATE accounts SET balance = balance + 1 WHERE code = 'programme/liability'",
    "lot_drifted": "UPDATE lots SET remaining = remaining - 1 WHERE entry_key = 'late'",
    "lots_not_available": "UPDATE lots SET member_id = 'mbr_other' WHERE entry_key = 'late'",
    "hold_ended_twice": "UPDATE journal_entries SET ends_key = 'r1:hold' WHERE key = 'r2:void'",
    "hold_wrongly_ended": "UPDATE journal_entries SET ends_key = 'late' WHERE key = 'r2:void'",
    "hold_not_cleared": "UPDATE journal_entries SET ends_key = NULL WHERE key = 'r2:void'",
    "capture_over_reversed": "UPDATE postings SET amount = amount * 10 WHERE entry_key = 'r1:reverse:1'",
    "commodity_not_zero": "UPDATE accounts SET balance = balance - 7 WHERE code = 'bearer/maker/expense'",
    "line_unposted": "UPDATE settlement_lines SET entry_key = NULL",
    "line_not_booked": "UPDATE settlement_lines SET gross = gross + 1, net = net + 1",
    "line_shares_do_not_sum": "UPDATE settlement_line_shares SET amount = amount + 1 WHERE bearer = 'dealer'",
}


async def test_true_ledger_has_no_findings(database: Database) -> None:
    await database.write(full_story)
    report = await database.read(lambda connection: audit.audit(connection, live_hold_keys=["r3:hold"]))
    assert report.findings == ()
    assert report.open_holds == ("r3:hold",)
    assert report.counts["journal_entries"] == 11
    assert report.counts["settlement_lines"] == 1


async def test_empty_ledger_is_clean(database: Database) -> None:
    report = await database.read(audit.audit)
    assert report.clean
    assert set(report.counts.values()) == {0}


@pytest.mark.parametrize("rule", sorted(audit.RULES))
async def test_planted_corruption_is_found(database: Database, database_url: str, rule: str) -> None:
    await database.write(full_story)
    await corrupt(database_url, SPECIMENS[rule])
    report = await database.read(audit.audit)
    found = [finding for finding in report.findings if finding.rule == rule]
    assert found, f"found only {sorted({finding.rule for finding in report.findings})}"
    assert found[0].subject


async def test_open_hold_without_a_live_redemption_is_found_and_the_reverse(database: Database) -> None:
    await database.write(full_story)
    report = await database.read(lambda connection: audit.audit(connection, live_hold_keys=["r9:hold"]))
    assert {(finding.rule, finding.subject) for finding in report.findings} == {
        ("hold_without_redemption", "r3:hold"),
        ("redemption_without_hold", "r9:hold"),
    }
