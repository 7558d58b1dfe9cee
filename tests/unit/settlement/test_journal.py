"""Entries are refused when they are made: before any database sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from settlement import accounts
from settlement.accounts import AccountKind, counter_account
from settlement.errors import JournalEntryError, QuantityError
from settlement.journal import JournalEntry, Posting, by_account, entry_fingerprint, require_quantity

AT = datetime(2026, 11, 22, tzinfo=UTC)
A = accounts.programme_suspense("CNY")
B = accounts.programme_rounding("CNY")
USD = accounts.programme_rounding("USD")


def entry(*postings: Posting, **changes: Any) -> JournalEntry:
    return JournalEntry(
        **{"key": "k", "kind": "test", "reference": "r", "postings": postings, "effective_at": AT, **changes}
    )


@pytest.mark.parametrize("amount", [0, 1.0, True, "5", None, 1 << 62, -(1 << 62)])
def test_lg_12_amount_that_is_no_amount_is_refused(amount: Any) -> None:
    with pytest.raises(JournalEntryError):
        Posting(A, amount)


@pytest.mark.parametrize("amount", [1, -1, (1 << 62) - 1, 1 - (1 << 62)])
def test_amounts_within_the_range_are_taken(amount: int) -> None:
    assert Posting(A, amount).amount == amount


@pytest.mark.parametrize(
    "postings",
    [(), (Posting(A, 5),), (Posting(A, 5), Posting(B, -4)), (Posting(A, 5), Posting(USD, -5))],
    ids=["none", "one_sided", "unbalanced", "mixed_currency"],
)
def test_lg_06_entry_that_does_not_balance_is_refused(postings: tuple[Posting, ...]) -> None:
    with pytest.raises(JournalEntryError):
        entry(*postings)


@pytest.mark.parametrize("changes", [{"key": ""}, {"effective_at": datetime(2026, 11, 22)}])  # noqa: DTZ001
def test_nameless_or_timeless_entry_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(JournalEntryError):
        entry(Posting(A, 5), Posting(B, -5), **changes)


def test_fingerprint_tells_every_change_of_content_and_ignores_the_instant() -> None:
    base = entry(Posting(A, 5), Posting(B, -5))
    others = [
        entry(Posting(A, 6), Posting(B, -6)),
        entry(Posting(B, 5), Posting(A, -5)),
        entry(Posting(A, 5, "lot"), Posting(B, -5)),
        entry(Posting(A, 5), Posting(B, -5), kind="other"),
        entry(Posting(A, 5), Posting(B, -5), reference="other"),
        entry(Posting(A, 5), Posting(B, -5), facts={"why": "x"}),
    ]
    assert len({entry_fingerprint(one) for one in [base, *others]}) == 7
    later = entry(Posting(A, 5), Posting(B, -5), effective_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert entry_fingerprint(later) == entry_fingerprint(base)


def test_postings_are_summed_per_account_in_lock_order() -> None:
    legs = (Posting(A, 5), Posting(B, -8), Posting(A, 3), Posting(USD, 1), Posting(USD, -1))
    assert by_account(legs) == [(B, -8), (USD, 0), (A, 8)]


@pytest.mark.parametrize("quantity", [0, -1, 1.0, True, "1e2", 1 << 62])
def test_lg_12_quantity_that_cannot_be_moved_is_refused(quantity: Any) -> None:
    with pytest.raises(QuantityError):
        require_quantity(quantity)


def test_no_member_account_may_go_negative() -> None:
    makers = (accounts.member_available, accounts.member_held, accounts.member_pending, accounts.member_qualifying)
    made = [maker("mbr_1") for maker in makers]
    assert {account.kind for account in made} == {AccountKind.MEMBER}
    assert not any(account.may_go_negative for account in made)
    assert len({account.code for account in made}) == 4


@pytest.mark.parametrize(
    ("account", "code", "commodity"),
    [
        (accounts.member_available("m"), "member/m/available", "PTS"),
        (accounts.member_qualifying("m"), "member/m/qualifying", "QPT"),
        (accounts.programme_breakage(), "programme/breakage", "PTS"),
        (accounts.programme_entitlements("lounge"), "programme/entitlements/lounge", "VISIT:lounge"),
        (accounts.partner_payable("p", "CNY"), "partner/p/payable", "CNY"),
        (accounts.partner_receivable("p", "CNY"), "partner/p/receivable", "CNY"),
        (accounts.partner_clearing("p", accounts.miles("p")), "partner/p/clearing", "MILES:p"),
        (accounts.partner_credits("p"), "partner/p/credits", "CREDIT:p"),
        (accounts.bearer_expense("dealer", "CNY"), "bearer/dealer/expense", "CNY"),
        (counter_account("PTS"), "programme/liability", "PTS"),
        (counter_account("VISIT:lounge"), "programme/entitlements/lounge", "VISIT:lounge"),
    ],
)
def test_chart_of_accounts(account: accounts.Account, code: str, commodity: str) -> None:
    assert (account.code, account.commodity) == (code, commodity)
