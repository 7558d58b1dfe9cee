"""Issues, accruals, entitlements and expiry; reading them back. On both databases."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection

from config.database import Database
from settlement import ledger
from settlement.audit import audit
from settlement.errors import InsufficientFundsError, LedgerConflictError, LedgerStateError, QuantityError
from tests.integration.ledger.helpers import AT, MEMBER, capture, days, give, hold, lots_of, void, wallet

LOUNGE = "VISIT:lounge-visit"


def grant(connection: Connection, uses: int) -> bool:
    """Grant lounge visits for a window of 39 days."""
    return ledger.grant_entitlement(
        connection,
        member_id=MEMBER,
        benefit_id="lounge-visit",
        uses=uses,
        window_start_at=days(-325),
        window_end_at=days(39),
        at=AT,
    )


async def test_issue_again_is_a_no_op_and_another_content_a_conflict(database: Database) -> None:
    def story(connection: Connection) -> None:
        assert give(connection, "a", 100, days(30))
        assert not give(connection, "a", 100, days(30))
        for quantity, expires_at in ((101, days(30)), (100, days(31)), (100, None)):
            with pytest.raises(LedgerConflictError):
                give(connection, "a", quantity, expires_at)
        with pytest.raises(LedgerConflictError):
            give(connection, "a", 100, days(30), member_id="mbr_other")
        assert wallet(connection).available == 100

    await database.write(story)


async def test_accrual_credits_redeemable_and_qualifying_points_in_one_entry(database: Database) -> None:
    def story(connection: Connection) -> None:
        accrual = {"key": "acr", "member_id": MEMBER, "at": AT, "expires_at": days(700), "reference": "invoice 1"}
        assert ledger.accrue(connection, points=2500, qualifying=250_000, **accrual)  # type: ignore[arg-type]
        assert not ledger.accrue(connection, points=2500, qualifying=250_000, **accrual)  # type: ignore[arg-type]
        with pytest.raises(LedgerConflictError):
            ledger.accrue(connection, points=2500, qualifying=0, **accrual)  # type: ignore[arg-type]
        assert (wallet(connection).available, wallet(connection, commodity="QPT").qualifying) == (2500, 250_000)
        with pytest.raises(InsufficientFundsError):
            hold(connection, "q", 1, commodity="QPT")

    await database.write(story)


@pytest.mark.parametrize(("points", "qualifying"), [(0, 0), (-1, 0), (0, -1), (1.0, 1), (1, True)])
async def test_accrual_of_nothing_or_less_is_refused(database: Database, points: int, qualifying: int) -> None:
    with pytest.raises(QuantityError):
        await database.write(
            lambda connection: ledger.accrue(
                connection,
                key="k",
                member_id=MEMBER,
                points=points,
                qualifying=qualifying,
                at=AT,
                expires_at=None,
                reference="x",
            )
        )
    assert await database.read(lambda connection: ledger.balances(connection, MEMBER)) == ()


async def test_pending_points_are_spendable_after_their_release_only(database: Database) -> None:
    def story(connection: Connection) -> None:
        ledger.accrue_pending(connection, key="acr", member_id=MEMBER, points=70, qualifying=14, at=AT, reference="x")
        assert (wallet(connection).available, wallet(connection).pending) == (0, 70)
        assert wallet(connection, commodity="QPT").qualifying == 14
        with pytest.raises(InsufficientFundsError):
            hold(connection, "early", 1)
        assert ledger.release(connection, accrual_key="acr", key="acr:release", at=days(14), expires_at=days(400))
        assert not ledger.release(connection, accrual_key="acr", key="acr:release", at=days(15), expires_at=days(400))
        with pytest.raises(LedgerStateError):
            ledger.release(connection, accrual_key="acr", key="acr:other", at=days(15), expires_at=days(400))
        with pytest.raises(LedgerStateError):
            ledger.release(connection, accrual_key="ghost", key="g", at=days(15), expires_at=None)
        assert (wallet(connection).available, wallet(connection).pending) == (70, 0)
        assert lots_of(connection) == {"acr:release": (70, days(400))}

    await database.write(story)


async def test_entitlement_is_granted_once_and_topped_up_by_a_better_tier(database: Database) -> None:
    def story(connection: Connection) -> None:
        assert grant(connection, 4)
        assert not grant(connection, 4)
        assert hold(connection, "v1", 2, commodity=LOUNGE)
        assert capture(connection, "v1", commodity=LOUNGE)
        assert not grant(connection, 4), "used visits are not granted again"
        assert grant(connection, 6)
        assert not grant(connection, 3), "a lower tier takes nothing away"
        assert wallet(connection, commodity=LOUNGE).available == 4
        assert hold(connection, "v2", 4, commodity=LOUNGE)
        with pytest.raises(InsufficientFundsError):
            hold(connection, "v3", 1, commodity=LOUNGE)
        assert void(connection, "v2")
        assert wallet(connection, commodity=LOUNGE).available == 4

    await database.write(story)


async def test_entitlement_of_one_window_does_not_count_for_the_next(database: Database) -> None:
    def story(connection: Connection) -> None:
        grant(connection, 4)
        assert ledger.grant_entitlement(
            connection,
            member_id=MEMBER,
            benefit_id="lounge-visit",
            uses=4,
            window_start_at=days(39),
            window_end_at=days(404),
            at=days(39),
        )
        assert ledger.expire_lots(connection, at=days(39)) == 1
        assert wallet(connection, commodity=LOUNGE).available == 4
        assert audit(connection).clean

    await database.write(story)


async def test_racing_grants_are_one_grant(database: Database) -> None:
    outcomes = await asyncio.gather(*(database.write(lambda connection: grant(connection, 6)) for _ in range(10)))
    assert sum(outcomes) == 1
    assert (await database.read(lambda connection: wallet(connection, commodity=LOUNGE))).available == 6


async def test_expiry_moves_remainders_to_breakage_in_batches(database: Database) -> None:
    def story(connection: Connection) -> None:
        for number in range(5):
            give(connection, f"lot{number}", 10 + number, days(1), member_id=f"mbr_{number % 2}")
        give(connection, "later", 100, days(2))
        assert ledger.expire_lots(connection, at=days(1) - (days(1) - days(0)) / 86_400_000) == 0
        assert ledger.expire_lots(connection, at=days(1), limit=3) == 3
        assert ledger.expire_lots(connection, at=days(1), limit=3) == 2
        assert ledger.expire_lots(connection, at=days(1), limit=3) == 0
        assert wallet(connection).available == 100
        assert audit(connection).clean

    await database.write(story)


async def test_racing_expiry_and_holds_lose_no_points(database: Database) -> None:
    def stock(connection: Connection) -> None:
        for number in range(10):
            give(connection, f"lot{number}", 10, days(1))

    await database.write(stock)

    async def attempt(number: int) -> bool:
        try:
            return await database.write(lambda connection: hold(connection, f"r{number}", 10))
        except InsufficientFundsError:
            return False

    sweeps = [database.write(lambda connection: ledger.expire_lots(connection, at=days(1), limit=4)) for _ in range(4)]
    outcomes = await asyncio.gather(*(attempt(number) for number in range(10)), *sweeps)
    held = sum(outcomes[:10]) * 10
    report = await database.read(audit)
    assert report.findings == ()
    assert (await database.read(wallet)).held == held


async def test_balances_name_the_next_expiry_and_leave_out_what_lapsed(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 10, days(1))
        give(connection, "b", 20, days(5))
        give(connection, "c", 30, days(5))
        give(connection, "d", 40)
        now = wallet(connection)
        assert (now.available, now.next_expiry_quantity, now.next_expiry_at) == (100, 10, days(1))
        (later,) = ledger.balances(connection, MEMBER, at=days(2))[:1]
        assert (later.commodity, later.available, later.next_expiry_quantity) == ("PTS", 90, 50)
        assert later.next_expiry_at == days(5)

    await database.write(story)


async def test_activity_pages_newest_first_without_gap_or_repeat(database: Database) -> None:
    def story(connection: Connection) -> list[str]:
        for number in range(7):
            give(connection, f"a{number}", 10)
        give(connection, "foreign", 10, member_id="mbr_liu_2")
        hold(connection, "r", 25, at=days(1))
        seen: list[str] = []
        before = None
        while page := ledger.activity(connection, MEMBER, before=before, limit=3):
            seen += [movement.entry_key for movement in page]
            before = page[-1].cursor
        return seen

    assert await database.write(story) == ["r:hold", *(f"a{number}" for number in reversed(range(7)))]


async def test_activity_says_what_changed_in_the_wallet(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 10, days(3))
        give(connection, "b", 20, days(4))
        hold(connection, "r", 25, at=days(1))
        newest, *_, first = ledger.activity(connection, MEMBER)
        assert newest.changes == (("PTS", "available", -25), ("PTS", "held", 25))
        assert (newest.kind, newest.reference) == ("hold", "r")
        assert first.facts == {"reason": "welcome"}

    await database.write(story)
