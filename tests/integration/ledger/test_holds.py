"""Holds and their ends, on both databases. Names such as LG-03 are rows of the ledger's fault table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from config.database import Database, RefusedByDatabaseError
from settlement import ledger
from settlement.accounts import (
    bearer_expense,
    counter_account,
    member_available,
    miles,
    partner_clearing,
    partner_payable,
    partner_receivable,
    programme_suspense,
)
from settlement.errors import (
    InsufficientFundsError,
    JournalEntryError,
    LedgerConflictError,
    LedgerStateError,
    QuantityError,
)
from settlement.journal import JournalEntry, Posting
from tests.integration.ledger.helpers import AT, MEMBER, capture, days, give, hold, lots_of, reverse, void, wallet


async def test_hold_and_capture_move_points_to_the_programme(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 1000, days(30))
        assert hold(connection, "r1", 600)
        assert (wallet(connection).available, wallet(connection).held) == (400, 600)
        assert capture(connection, "r1")
        assert (wallet(connection).available, wallet(connection).held) == (400, 0)

    await database.write(story)


async def test_lots_are_debited_first_expiring_first_and_never_expiring_last(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "never", 100)
        give(connection, "late", 100, days(90))
        give(connection, "soon", 100, days(10))
        hold(connection, "r1", 150)
        assert lots_of(connection) == {
            "soon": (0, days(10)),
            "late": (50, days(90)),
            "never": (100, None),
        }
        hold(connection, "r2", 100)
        assert lots_of(connection)["late"][0] == 0
        assert lots_of(connection)["never"][0] == 50

    await database.write(story)


async def test_lot_is_spendable_until_just_before_its_expiry(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 100, days(1))
        with pytest.raises(InsufficientFundsError):
            hold(connection, "at", 1, at=days(1))
        assert hold(connection, "before", 1, at=days(1) - (days(1) - days(0)) / 86_400_000)

    await database.write(story)


async def test_lg_01_fifty_writers_race_for_the_last_hundred_points(database: Database) -> None:
    await database.write(partial(give, key="a", quantity=100, expires_at=days(30)))

    async def attempt(number: int) -> bool:
        try:
            return await database.write(lambda connection: hold(connection, f"r{number}", 100))
        except InsufficientFundsError:
            return False

    outcomes = await asyncio.gather(*(attempt(number) for number in range(50)))
    assert sum(outcomes) == 1
    balance = await database.read(wallet)
    assert (balance.available, balance.held) == (0, 100)


async def test_racing_holds_that_fit_together_all_succeed(database: Database) -> None:
    def stock(connection: Connection) -> None:
        for number in range(5):
            give(connection, f"lot{number}", 20, days(number + 1))

    await database.write(stock)

    async def attempt(number: int) -> bool:
        try:
            return await database.write(lambda connection: hold(connection, f"r{number}", 7))
        except InsufficientFundsError:
            return False

    outcomes = await asyncio.gather(*(attempt(number) for number in range(20)))
    assert sum(outcomes) == 14
    assert (await database.read(wallet)).held == 98


async def test_racing_copies_of_one_hold_are_one_hold(database: Database) -> None:
    await database.write(partial(give, key="a", quantity=100))
    outcomes = await asyncio.gather(*(database.write(lambda connection: hold(connection, "r", 30)) for _ in range(12)))
    assert sum(outcomes) == 1
    assert (await database.read(wallet)).held == 30


async def test_a_hold_that_is_known_is_captured_without_a_look_and_never_once_it_was_ended(database: Database) -> None:
    def place(connection: Connection) -> ledger.Held | None:
        give(connection, "a", 100)
        for name in ("r", "other"):
            held = ledger.hold(
                connection, key=f"{name}:hold", member_id=MEMBER, commodity="PTS", quantity=30, at=AT, reference=name
            )
        return held

    held = await database.write(place)
    ends = partial(ledger.capture, hold_key="other:hold", at=AT, to=counter_account("PTS"), held=held)
    assert await database.write(partial(ends, key="r:capture"))
    for key in ("r:capture", "r:again"):
        with pytest.raises(RefusedByDatabaseError):
            await database.write(partial(ends, key=key))
    balance = await database.read(wallet)
    assert (balance.available, balance.held) == (40, 30)


async def test_racing_copies_of_one_entry_are_one_entry(database: Database) -> None:
    entry = JournalEntry(
        key="booking",
        kind="adjustment",
        reference="x",
        effective_at=AT,
        postings=(Posting(partner_payable("p", "CNY"), -5), Posting(bearer_expense("maker", "CNY"), 5)),
    )
    outcomes = await asyncio.gather(
        *(database.write(lambda connection: ledger.post(connection, entry, AT)) for _ in range(12))
    )
    assert sum(outcomes) == 1


async def test_racing_capture_and_void_have_one_winner(database: Database) -> None:
    def stock(connection: Connection) -> None:
        give(connection, "a", 100)
        hold(connection, "r", 100)

    await database.write(stock)

    async def end(how: str) -> str | None:
        try:
            await database.write(lambda connection: (capture if how == "capture" else void)(connection, "r"))
        except LedgerStateError:
            return None
        return how

    winners = {name for name in await asyncio.gather(*(end(how) for how in ["capture", "void"] * 6)) if name}
    assert len(winners) == 1
    balance = await database.read(wallet)
    assert (balance.available, balance.held) == ((0, 0) if winners == {"capture"} else (100, 0))


@pytest.mark.parametrize("first", ["capture", "void"])
@pytest.mark.parametrize("second", ["capture", "void"])
async def test_lg_03_first_end_wins_and_others_get_a_stable_error(database: Database, first: str, second: str) -> None:
    ends: dict[str, Callable[..., bool]] = {"capture": capture, "void": void}

    def story(connection: Connection) -> None:
        give(connection, "a", 100)
        hold(connection, "r", 100)
        assert ends[first](connection, "r")
        assert not ends[first](connection, "r"), "the same key again changes nothing"
        before = wallet(connection)
        with pytest.raises(LedgerStateError) as caught:
            ends[second](connection, "r", key="r:other")
        assert caught.value.code == "ledger_state"
        assert caught.value.facts["state"] == first
        assert wallet(connection) == before

    await database.write(story)


async def test_lg_03_ending_a_hold_that_never_was(database: Database) -> None:
    def story(connection: Connection) -> None:
        with pytest.raises(LedgerStateError) as caught:
            capture(connection, "ghost")
        assert caught.value.facts["state"] == "none"
        with pytest.raises(LedgerStateError):
            void(connection, "ghost")
        with pytest.raises(LedgerStateError):
            reverse(connection, "ghost", 1, 5)

    await database.write(story)


async def test_lg_03_capture_after_the_lot_expired_still_takes_what_was_held(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 100, days(1))
        hold(connection, "r", 60)
        assert ledger.expire_lots(connection, at=days(2)) == 1
        assert capture(connection, "r", at=days(3))
        assert (wallet(connection).available, wallet(connection).held) == (0, 0)

    await database.write(story)


async def test_lg_04_partial_capture_releases_the_rest_to_its_lots(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "soon", 50, days(5))
        give(connection, "late", 50, days(50))
        hold(connection, "r", 80)
        assert ledger.capture(
            connection, hold_key="r:hold", key="r:capture", at=AT, to=counter_account("PTS"), quantity=60
        )
        assert lots_of(connection) == {"soon": (0, days(5)), "late": (40, days(50))}
        assert (wallet(connection).available, wallet(connection).held) == (40, 0)

    await database.write(story)


async def test_lg_04_capture_of_more_than_was_held_is_refused(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 100)
        hold(connection, "r", 50)
        with pytest.raises(QuantityError):
            ledger.capture(
                connection, hold_key="r:hold", key="r:capture", at=AT, to=counter_account("PTS"), quantity=51
            )
        assert wallet(connection).held == 50

    await database.write(story)


@pytest.mark.parametrize("change", ["quantity", "member_id", "commodity", "reference"])
async def test_lg_05_known_hold_key_with_another_content(database: Database, change: str) -> None:
    asked: dict[str, Any] = {"member_id": MEMBER, "commodity": "PTS", "quantity": 10, "reference": "r"}
    other: dict[str, Any] = {"member_id": "mbr_other", "commodity": "VISIT:lounge", "quantity": 11, "reference": "r2"}

    def story(connection: Connection) -> None:
        give(connection, "a", 100)
        give(connection, "b", 100, member_id="mbr_other")
        assert ledger.hold(connection, key="r:hold", at=AT, **asked)
        with pytest.raises(LedgerConflictError) as caught:
            ledger.hold(connection, key="r:hold", at=AT, **{**asked, change: other[change]})
        assert caught.value.code == "exists_with_different_content"
        assert not ledger.hold(connection, key="r:hold", at=days(1), **asked), "a later replay is the same hold"

    await database.write(story)


async def test_lg_05_known_entry_key_with_another_amount_account_or_currency(database: Database) -> None:
    def entry(amount: int = 5, partner: str = "p", currency: str = "CNY") -> JournalEntry:
        legs = (
            Posting(partner_payable(partner, currency), -amount),
            Posting(bearer_expense("maker", currency), amount),
        )
        return JournalEntry(key="k", kind="adjustment", reference="x", postings=legs, effective_at=AT)

    def story(connection: Connection) -> None:
        assert ledger.post(connection, entry(), AT)
        assert not ledger.post(connection, entry(), days(1))
        for other in (entry(amount=6), entry(partner="q"), entry(currency="USD")):
            with pytest.raises(LedgerConflictError):
                ledger.post(connection, other, AT)

    await database.write(story)


async def test_lg_09_no_clock_releases_a_hold(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 100, days(1))
        hold(connection, "r", 60)
        for later in (days(2), days(400), days(4000)):
            ledger.expire_lots(connection, at=later)
            assert wallet(connection).held == 60

    await database.write(story)


async def test_lg_10_void_restores_original_lots_and_expiry_after_they_lapsed(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "soon", 40, days(1))
        give(connection, "late", 60, days(90))
        before = lots_of(connection)
        hold(connection, "r", 70)
        assert ledger.expire_lots(connection, at=days(2)) == 0
        void(connection, "r", at=days(3))
        assert lots_of(connection) == before
        with pytest.raises(InsufficientFundsError):
            hold(connection, "r2", 61, at=days(3))
        assert ledger.expire_lots(connection, at=days(3)) == 1
        assert ledger.expire_lots(connection, at=days(3)) == 0
        assert wallet(connection).available == 60

    await database.write(story)


async def test_lg_10_lot_lapses_twice_when_a_void_fills_it_again(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 100, days(1))
        hold(connection, "r", 30)
        assert ledger.expire_lots(connection, at=days(2)) == 1
        void(connection, "r", at=days(3))
        assert wallet(connection).available == 30
        assert ledger.expire_lots(connection, at=days(3)) == 1
        assert wallet(connection).available == 0

    await database.write(story)


@pytest.mark.parametrize("quantity", [1.0, "1e2", "10", True, 0, -5, 1 << 62])
async def test_lg_12_only_positive_integers_are_moved(database: Database, quantity: object) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 100)
        with pytest.raises(QuantityError):
            hold(connection, "r", quantity)  # type: ignore[arg-type]
        with pytest.raises(QuantityError):
            give(connection, "b", quantity)  # type: ignore[arg-type]
        assert wallet(connection).available == 100

    await database.write(story)


async def test_lg_13_only_marked_accounts_are_overdrawn(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 5)
        into_suspense = JournalEntry(
            key="claim",
            kind="adjustment",
            reference="x",
            effective_at=AT,
            postings=(Posting(programme_suspense("PTS"), -7), Posting(partner_clearing("p", "PTS"), 7)),
        )
        assert ledger.post(connection, into_suspense, AT)
        overdraft = JournalEntry(
            key="overdraft",
            kind="adjustment",
            reference="x",
            effective_at=AT,
            postings=(Posting(member_available(MEMBER), -6), Posting(programme_suspense("PTS"), 6)),
        )
        with pytest.raises(InsufficientFundsError):
            ledger.post(connection, overdraft, AT)

    await database.write(story)


async def test_reversals_are_partial_repeated_and_never_more_than_was_captured(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "soon", 50, days(5))
        give(connection, "late", 50, days(50))
        hold(connection, "r", 80)
        capture(connection, "r")
        assert reverse(connection, "r", 1, 40)
        assert lots_of(connection) == {"soon": (10, days(5)), "late": (50, days(50))}
        assert not reverse(connection, "r", 1, 40)
        with pytest.raises(LedgerConflictError):
            reverse(connection, "r", 1, 41)
        with pytest.raises(LedgerStateError) as caught:
            reverse(connection, "r", 2, 41)
        assert caught.value.facts["left"] == 40
        assert reverse(connection, "r", 2, 40)
        assert lots_of(connection) == {"soon": (50, days(5)), "late": (50, days(50))}
        with pytest.raises(LedgerStateError):
            reverse(connection, "r", 3, 1)

    await database.write(story)


async def test_reversal_of_a_partial_capture_gives_back_only_what_was_captured(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 100)
        hold(connection, "r", 80)
        ledger.capture(connection, hold_key="r:hold", key="r:capture", at=AT, to=counter_account("PTS"), quantity=30)
        with pytest.raises(LedgerStateError):
            reverse(connection, "r", 1, 31)
        assert reverse(connection, "r", 1, 30)
        assert wallet(connection).available == 100

    await database.write(story)


async def test_racing_reversals_never_give_back_more_than_was_captured(database: Database) -> None:
    def stock(connection: Connection) -> None:
        give(connection, "a", 100)
        hold(connection, "r", 100)
        capture(connection, "r")

    await database.write(stock)

    async def attempt(number: int) -> bool:
        try:
            return await database.write(lambda connection: reverse(connection, "r", number, 30))
        except LedgerStateError:
            return False

    assert sum(await asyncio.gather(*(attempt(number) for number in range(10)))) == 3
    assert (await database.read(wallet)).available == 90


async def test_conversion_clears_per_commodity_through_the_partner(database: Database) -> None:
    clearing = partner_clearing("skyward", "PTS")
    also = (
        Posting(partner_clearing("skyward", miles("skyward")), -200),
        Posting(partner_receivable("skyward", miles("skyward")), 200),
    )

    def story(connection: Connection) -> None:
        give(connection, "a", 1000)
        hold(connection, "c", 1000)
        assert ledger.capture(connection, hold_key="c:hold", key="c:capture", at=AT, to=clearing, also=also)
        assert not ledger.capture(connection, hold_key="c:hold", key="c:capture", at=days(1), to=clearing, also=also)
        with pytest.raises(LedgerConflictError):
            ledger.capture(connection, hold_key="c:hold", key="c:capture", at=AT, to=clearing)

    await database.write(story)


async def test_capture_refuses_a_destination_of_another_commodity_or_a_member(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 10)
        hold(connection, "r", 10)
        for to in (counter_account("QPT"), member_available("mbr_other")):
            with pytest.raises(JournalEntryError):
                ledger.capture(connection, hold_key="r:hold", key="r:capture", at=AT, to=to)
        assert wallet(connection).held == 10

    await database.write(story)
