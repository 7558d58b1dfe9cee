"""A break is resolved by an adjustment: what is owed follows the partner's side, in a line and an entry of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from catalogue.values import Money
from config.database import Database
from config.errors import RuleError
from gateway.services import break_desk
from gateway.services.break_desk import Finding
from settlement import adjustments, ledger, reconciliation
from settlement.accounts import bearer_expense, partner_payable, partner_receivable
from settlement.adjustments import Adjustment
from settlement.audit import audit
from settlement.break_store import Closing, KeptBreak, list_breaks
from settlement.contracts import PartnerContract
from settlement.exports.rows import break_rows, detail_rows
from settlement.journal import JournalEntry, Posting
from settlement.positions import positions
from settlement.reconciliation import RunReport
from settlement.tables import accounts, journal_entries, settlement_line_shares, settlement_lines
from tests.integration.night.sides import AT, DAY, PARTNER, Ours, statement, store_ours, theirs

WHY = "their invoice 7 shows the guest, ticket 42"
CONTRACT = PartnerContract(PARTNER, time(0), "UTC", (), break_limit_minor_units=1_000)
CONTRACTS = {PARTNER: CONTRACT}
OURS = Ours(id="sln_1", reference="rdm_1")
LATER = AT + timedelta(days=9)
Reconcile = Callable[..., Awaitable[RunReport]]
TakeIn = Callable[..., Awaitable[Any]]


class Finance:
    """A night with one break, people who adjust it, and the books."""

    def __init__(self, database: Database, take_in: TakeIn, reconcile: Reconcile) -> None:
        self.database, self.take_in, self.reconcile = database, take_in, reconcile

    async def night(self, *rows: Any, ours: Ours | None = OURS, owed_on: str = "payable") -> KeptBreak:
        """Book our line as a capture does, match it against a file, answer the break that is open then."""
        if ours is not None:
            await self.database.write(lambda c: store_ours(c, [ours]))
            await self.database.write(partial(_book_ours, ours, owed_on))
        await self.take_in(statement(rows))
        await self.reconcile()
        (found,) = await self.database.read(partial(list_breaks, state="open"))
        return found

    async def close(
        self,
        name: str,
        adjustment: Adjustment | None,
        *,
        by: str = "ann",
        outcome: Closing = "resolved",
        at: datetime = LATER,
        contracts: dict[str, PartnerContract] = CONTRACTS,
    ) -> KeptBreak:
        finding = Finding(by, WHY)
        return await self.database.write(
            lambda c: break_desk.close(c, name, outcome, finding, contracts=contracts, at=at, adjustment=adjustment)
        )

    async def open_breaks(self) -> list[KeptBreak]:
        return await self.database.read(partial(list_breaks, state="open"))

    async def reopen(self, name: str, at: datetime = LATER) -> KeptBreak:
        return await self.database.write(
            lambda c: break_desk.reopen(c, name, Finding("eve", WHY), contracts=CONTRACTS, at=at)
        )

    async def balance(self, account: Any) -> int:
        query = sa.select(accounts.c.balance).where(
            accounts.c.code == account.code, accounts.c.commodity == account.commodity
        )
        return await self.database.read(lambda c: c.execute(query).scalar_one_or_none()) or 0

    async def shares(self) -> dict[str, int]:
        """Sum what bearers bear of adjustments."""
        share = settlement_line_shares.c
        query = (
            sa.select(share.bearer, sa.func.sum(share.amount))
            .join(settlement_lines, settlement_lines.c.line_key == share.line_key)
            .where(settlement_lines.c.kind == adjustments.KIND)
            .group_by(share.bearer)
        )
        return {bearer: int(amount) for bearer, amount in await self.database.read(lambda c: c.execute(query).all())}

    async def net(self, period: str) -> tuple[int, int]:
        """Answer (agreed, not agreed) of a period."""
        found = await self.database.read(lambda c: positions(c, period, PARTNER))
        return sum(one.agreed for one in found), sum(one.disputed + one.unreconciled for one in found)

    async def lines(self) -> list[sa.Row[Any]]:
        query = sa.select(settlement_lines).where(settlement_lines.c.kind == adjustments.KIND)
        return list(await self.database.read(lambda c: c.execute(query.order_by(settlement_lines.c.line_key)).all()))


def _book_ours(ours: Ours, owed_on: str, connection: sa.Connection) -> None:
    owed = partner_receivable if owed_on == "receivable" else partner_payable
    dealer = ours.gross * 2 // 5
    legs = (
        Posting(bearer_expense("maker", ours.currency), ours.gross - dealer),
        Posting(bearer_expense("dealer", ours.currency), dealer),
        Posting(owed(PARTNER, ours.currency), -ours.gross),
    )
    entry = JournalEntry(key="booked", kind="obligation", reference="rdm_1", postings=legs, effective_at=AT)
    ledger.post(connection, entry, AT)
    connection.execute(sa.update(settlement_lines).values(entry_key="booked"))


@pytest.fixture
def finance(database: Database, take_in: TakeIn, reconcile: Reconcile) -> Finance:
    return Finance(database, take_in, reconcile)


async def test_what_is_owed_follows_the_partner_on_the_day_on_which_it_is_decided(finance: Finance) -> None:
    opened = await finance.night(theirs(OURS, amount=Money(12_999, "CNY")))
    closed = await finance.close(opened.item.id, Adjustment(999))
    assert (closed.state, closed.adjusted) == ("closed", (1, Adjustment(999, currency="CNY")))
    assert await finance.net("2026-11") == (12_000, 0), "nothing before the day changes"
    assert await finance.net("2026-12") == (999, 0)
    assert await finance.shares() == {"maker": 599, "dealer": 400}
    assert await finance.balance(partner_payable(PARTNER, "CNY")) == -12_999
    assert await finance.balance(bearer_expense("dealer", "CNY")) == 4_800 + 400
    (line,) = await finance.lines()
    assert (line.business_date, line.service_date) == (date(2026, 12, 2), DAY)
    assert (line.reference, line.partner_reference, line.terms_id) == ("rdm_1", "P-sln_1", "terms-1")
    entry = sa.select(journal_entries.c.reference).where(journal_entries.c.key == line.entry_key)
    assert await finance.database.read(lambda c: c.execute(entry).scalar_one()) == opened.item.id
    assert (await finance.database.read(audit)).findings == ()


async def test_no_run_looks_for_an_adjustment_in_the_partners_file(finance: Finance) -> None:
    opened = await finance.night(theirs(OURS, amount=Money(12_999, "CNY")))
    await finance.close(opened.item.id, Adjustment(999), at=AT)
    await finance.reconcile()
    assert not (await finance.reconcile()).changed
    await finance.reconcile(DAY + timedelta(days=1))
    assert await finance.open_breaks() == []
    assert await finance.net("2026-11") == (12_999, 0)


async def test_what_comes_late_for_what_was_adjusted_is_a_break_and_reopening_lets_it_match(finance: Finance) -> None:
    name = (await finance.night()).item.id
    for by in ("ann", "ben"):
        await finance.close(name, Adjustment(-12_000), by=by)
    await finance.take_in(statement([theirs(OURS)], sequence=2))
    await finance.reconcile()
    (late,) = await finance.open_breaks()
    assert (late.item.kind, late.item.theirs_amount) == ("missing_ours", 12_000)
    with pytest.raises(RuleError, match=f"{name} was adjusted for the same reference"):
        await finance.close(late.item.id, Adjustment(12_000, "maker"))
    await finance.reopen(name)
    await finance.reconcile()
    assert await finance.open_breaks() == []
    assert await finance.balance(partner_payable(PARTNER, "CNY")) == -12_000
    assert sum(await finance.net("2026-11")) + sum(await finance.net("2026-12")) == 12_000


async def test_who_adjusts_while_a_run_pairs_a_late_row_is_not_counted_twice(
    finance: Finance, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = (await finance.night()).item.id
    await finance.take_in(statement([theirs(OURS)], sequence=2))
    keep = reconciliation._Run._keep_breaks

    async def meanwhile(run: Any, *rest: Any) -> bool:
        monkeypatch.undo()
        for by in ("ann", "ben"):
            await finance.close(name, Adjustment(-12_000), by=by)
        return await keep(run, *rest)

    monkeypatch.setattr(reconciliation._Run, "_keep_breaks", meanwhile)
    await finance.reconcile()
    await finance.reconcile(DAY + timedelta(days=1))
    assert [one.item.kind for one in await finance.open_breaks()] == ["missing_ours"]
    assert await finance.balance(partner_payable(PARTNER, "CNY")) == 0


async def test_a_line_of_ours_that_comes_late_for_what_was_adjusted_is_a_break(finance: Finance) -> None:
    name = (await finance.night(theirs(OURS), ours=None)).item.id
    for by in ("ann", "ben"):
        await finance.close(name, Adjustment(12_000, "maker"), by=by)
    await finance.database.write(lambda c: store_ours(c, [OURS]))
    await finance.reconcile()
    (late,) = await finance.open_breaks()
    assert (late.item.kind, late.item.ours_id) == ("missing_theirs", OURS.id)


@pytest.mark.parametrize("corrected", [12_000, 12_800])
async def test_a_corrected_file_for_what_was_adjusted_is_a_break(finance: Finance, corrected: int) -> None:
    name = (await finance.night(theirs(OURS, amount=Money(12_999, "CNY")))).item.id
    await finance.close(name, Adjustment(999), at=AT)
    await finance.take_in(statement([theirs(OURS, amount=Money(corrected, "CNY"))], sequence=2))
    await finance.reconcile()
    assert [one.item.kind for one in await finance.open_breaks()] == ["missing_ours"]
    await finance.reopen(name, AT)
    await finance.reconcile()
    assert [one.item.kind for one in await finance.open_breaks()] == ["amount"] * (corrected != 12_000)
    assert await finance.net("2026-11") == ((12_000, 0) if corrected == 12_000 else (0, 12_000))


async def test_it_is_booked_in_the_currency_of_the_difference(finance: Finance) -> None:
    opened = await finance.night(theirs(OURS, amount=Money(700, "USD"), status="cancelled"))
    for by in ("ann", "ben"):
        await finance.close(opened.item.id, Adjustment(-12_000), by=by)
    assert await finance.balance(partner_payable(PARTNER, "CNY")) == 0
    assert [(line.currency, line.gross) for line in await finance.lines()] == [("CNY", -12_000)]


async def test_a_group_is_not_adjusted_as_one(finance: Finance) -> None:
    rows = [theirs(OURS, amount=Money(amount, "CNY"), partner_reference=f"P-{amount}") for amount in (6_100, 6_200)]
    opened = await finance.night(*rows)
    with pytest.raises(RuleError, match="several rows of one side"):
        await finance.close(opened.item.id, Adjustment(200))


async def test_who_proposed_something_else_did_not_close_it(finance: Finance) -> None:
    name = (await finance.night(theirs(OURS, amount=Money(14_000, "CNY")))).item.id
    for by, amount in (("ann", 2_000), ("ben", 1_500), ("cat", 1_500)):
        closed = await finance.close(name, Adjustment(amount), by=by)
    assert (closed.state, closed.close_reason, closed.closed_by) == ("closed", "adjusted", ("ben", "cat"))


async def test_finances_files_say_who_closed_it_and_what_was_adjusted(finance: Finance) -> None:
    opened = await finance.night(theirs(OURS, amount=Money(11_500, "CNY")))
    await finance.close(opened.item.id, Adjustment(-500))
    rows = await finance.database.read(lambda c: list(break_rows(list_breaks(c))))
    assert rows[0][-3:] == ("adjusted", "ann", Money(-500, "CNY"))
    (detail,) = await finance.database.read(lambda c: list(detail_rows(c, PARTNER, "2026-12")))
    assert (detail.gross, detail.net) == (-500, -500)
    assert "adjustment" in detail.cells
    assert "agreed" in detail.cells


async def test_two_people_say_the_same_adjustment_and_it_is_booked_once(finance: Finance) -> None:
    opened = await finance.night(theirs(OURS, amount=Money(14_000, "CNY")))
    name = opened.item.id
    assert (await finance.close(name, Adjustment(2_000))).state == "open"
    assert (await finance.close(name, Adjustment(1_999), by="ben")).state == "open"
    assert (await finance.close(name, None)).state == "open"
    assert (await finance.close(name, Adjustment(2_000, "maker"), by="ben")).state == "open"
    assert await finance.lines() == []
    assert (await finance.close(name, Adjustment(2_000, "maker"))).state == "closed"
    assert await finance.shares() == {"maker": 2_000}
    assert await finance.balance(partner_payable(PARTNER, "CNY")) == -14_000


async def test_what_only_the_partner_lists_is_borne_by_whom_people_name(finance: Finance) -> None:
    unknown = Ours(id="sln_x", reference="rdm_x", gross=900)
    opened = await finance.night(theirs(unknown), ours=None)
    with pytest.raises(RuleError, match="name the bearer"):
        await finance.close(opened.item.id, Adjustment(900))
    await finance.close(opened.item.id, Adjustment(900, "partner"))
    assert await finance.shares() == {"partner": 900}
    (line,) = await finance.lines()
    assert (line.reference, line.partner_reference, line.redemption_id) == ("rdm_x", "P-sln_x", None)
    assert (await finance.database.read(audit)).findings == ()


async def test_what_only_we_have_is_owed_no_more(finance: Finance) -> None:
    opened = await finance.night()
    for by in ("ann", "ben"):
        await finance.close(opened.item.id, Adjustment(-12_000), by=by)
    assert await finance.shares() == {"maker": -7_200, "dealer": -4_800}
    assert await finance.balance(partner_payable(PARTNER, "CNY")) == 0


async def test_what_the_partner_owes_us_is_adjusted_where_it_is_booked(finance: Finance) -> None:
    commission = Ours(id="sln_1", reference="rdm_1", gross=-12_000)
    opened = await finance.night(
        theirs(commission, amount=Money(-11_500, "CNY")), ours=commission, owed_on="receivable"
    )
    await finance.close(opened.item.id, Adjustment(500))
    assert await finance.balance(partner_receivable(PARTNER, "CNY")) == 11_500
    assert await finance.balance(partner_payable(PARTNER, "CNY")) == 0
    assert (await finance.database.read(audit)).findings == ()


async def test_an_adjustment_contains_as_much_tax_as_our_line(finance: Finance) -> None:
    opened = await finance.night(theirs(OURS, amount=Money(12_999, "CNY")))
    taxed = sa.update(settlement_lines).values(tax=679, net=11_321)
    await finance.database.write(lambda c: c.execute(taxed).close())
    await finance.close(opened.item.id, Adjustment(999))
    (line,) = await finance.lines()
    assert (line.gross, line.tax, line.net) == (999, 57, 942)


async def test_opening_it_again_books_the_opposite_and_it_can_be_adjusted_anew(finance: Finance) -> None:
    opened = await finance.night(theirs(OURS, amount=Money(12_999, "CNY")))
    name = opened.item.id
    await finance.close(name, Adjustment(999))
    again = await finance.reopen(name, LATER + timedelta(days=31))
    assert (again.state, again.adjusted) == ("open", None)
    assert await finance.net("2026-12") == (999, 0)
    assert await finance.net("2027-01") == (-999, 0)
    assert await finance.balance(partner_payable(PARTNER, "CNY")) == -12_000
    assert await finance.shares() == {"maker": 0, "dealer": 0}
    await finance.close(name, Adjustment(999))
    assert await finance.balance(partner_payable(PARTNER, "CNY")) == -12_999
    assert len(await finance.lines()) == 3
    assert (await finance.database.read(audit)).findings == ()


REFUSED: dict[str, tuple[Adjustment, Closing, dict[str, PartnerContract], str]] = {
    "written off": (Adjustment(500), "written_off", CONTRACTS, "say resolved"),
    "nothing": (Adjustment(0), "resolved", CONTRACTS, "999 minor units of CNY more"),
    "more than the difference": (Adjustment(1_000), "resolved", CONTRACTS, "999 minor units of CNY more"),
    "away from the partner": (Adjustment(-1), "resolved", CONTRACTS, "999 minor units of CNY more"),
    "no contract": (Adjustment(500), "resolved", {}, "no contract"),
}


@pytest.mark.parametrize(("adjustment", "outcome", "contracts", "said"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_cannot_be_adjusted_is_refused_and_leaves_it_open(
    finance: Finance, adjustment: Adjustment, outcome: Closing, contracts: dict[str, PartnerContract], said: str
) -> None:
    opened = await finance.night(theirs(OURS, amount=Money(12_999, "CNY")))
    with pytest.raises(RuleError, match=said):
        await finance.close(opened.item.id, adjustment, outcome=outcome, contracts=contracts)
    assert await finance.database.read(list_breaks) == [opened]
    assert await finance.lines() == []


async def test_a_difference_that_is_no_amount_is_not_adjusted(finance: Finance) -> None:
    opened = await finance.night(theirs(OURS, amount=Money(12_000, "JPY")))
    with pytest.raises(RuleError, match="no difference of one amount"):
        await finance.close(opened.item.id, Adjustment(1))


@given(st.integers(-(10**12), 10**12).filter(bool), st.integers(0, 10**6), st.integers(1, 10**6))
def test_tax_and_net_always_make_up_the_gross(amount: int, tax: int, net: int) -> None:
    class Line:
        pass

    line: Any = Line()
    line.gross, line.tax = tax + net, tax
    found = adjustments._tax(amount, [line])
    assert abs(found) <= abs(amount)
    assert found * amount >= 0
    assert abs(found * line.gross - amount * tax) * 2 <= line.gross
