"""Merging and closing: nothing is lost, nothing undecided is cut off (LG-11), what comes later arrives."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import partner_accounts
from config.errors import ConflictError, RuleError
from gateway.schemas.programme import CloseAnswer, MergeAnswer
from gateway.services.member_ends import close_member, merge_members
from settlement import ledger
from settlement.errors import LedgerStateError
from settlement.tables import lots
from tests.integration.ledger.helpers import capture, hold, reverse, void
from tests.integration.programme.club import Club


async def merge(club: Club, kept: str, absorbed: str) -> MergeAnswer:
    def work(connection: Connection) -> MergeAnswer:
        return merge_members(
            connection, club.programme, kept=kept, absorbed=absorbed, reason="one person", now=club.clock.now()
        )

    return await club.database.write(work)


async def close(club: Club, member: str, *, forfeit: bool = False) -> CloseAnswer:
    def work(connection: Connection) -> CloseAnswer:
        return close_member(connection, member=member, reason="asked", forfeit_points=forfeit, now=club.clock.now())

    return await club.database.write(work)


async def lots_of(club: Club, member: str) -> list[tuple[int, date]]:
    query = sa.select(lots.c.remaining, lots.c.expires_at).where(lots.c.member_id == member, lots.c.remaining > 0)
    rows = await club.database.read(lambda connection: list(connection.execute(query.order_by(lots.c.expires_at))))
    return [(row.remaining, club.programme.today(row.expires_at)) for row in rows]


async def test_a_merge_moves_points_with_their_expiry_and_qualifying_points_with_their_day(club: Club) -> None:
    liu, double = await club.join("liu"), await club.join("double")
    await club.earn(liu, 1_000, "parts")
    await club.earn(double, 100_000, days_ago=300)
    await club.earn(double, 2_000, "parts")
    before = await lots_of(club, liu) + await lots_of(club, double)
    await club.earn(liu, 48_999, "service")
    answer = await merge(club, "liu", "double")
    assert (answer.points, answer.tier) == (1_000 + 200, "gold"), "100,000 + 2,000 + 49,999 qualify"
    assert sorted(before) == sorted(one for one in await lots_of(club, liu) if one[0] != 2_449)
    assert await lots_of(club, double) == []
    assert (await club.told(liu))[-2:] == ["upgraded", "merged"]
    club.go_to(date(2026, 1, 26).replace(year=2028) + timedelta(1))
    assert (await club.earn(liu, 1, "parts")).tier == "gold", "a tier outlives the points that earned it"
    await club.require_clean_books()


async def test_a_merge_again_changes_nothing_and_the_old_name_leads_to_who_stays(club: Club) -> None:
    liu, double = await club.join("liu"), await club.join("double")
    await club.earn(double, 1_000, "parts")
    assert (await merge(club, liu, double)).points == 100
    entries = await club.entries()
    assert (await merge(club, liu, "double")).points == 0
    assert await club.entries() == entries
    assert (await club.earn("double", 1_000, "parts")).member_id == liu
    with pytest.raises(ConflictError) as refused:
        await club.join("double")
    assert refused.value.facts["merged_into"] == liu
    with pytest.raises(RuleError, match="itself"):
        await merge(club, liu, liu)


async def test_lg_11_open_holds_refuse_merge_and_close_until_they_have_ended(club: Club) -> None:
    liu, double = await club.join("liu"), await club.join("double")
    for member in (liu, double):
        await club.earn(member, 1_000, "parts")
        await club.database.write(partial(hold, name=member, quantity=40, at=club.clock.now(), member_id=member))
    entries = await club.entries()
    for refused in (merge(club, liu, double), merge(club, double, liu), close(club, liu, forfeit=True)):
        with pytest.raises(LedgerStateError) as found:
            await refused
        assert found.value.facts["state"] == "held"
    assert await club.entries() == entries
    await club.database.write(lambda connection: void(connection, double, club.clock.now()))
    with pytest.raises(LedgerStateError, match="who stays"):
        await merge(club, liu, double)
    await club.database.write(lambda connection: void(connection, liu, club.clock.now()))
    assert (await merge(club, liu, double)).points == 100
    await club.require_clean_books()


async def test_lg_11_pending_points_refuse_the_end(club: Club) -> None:
    liu, other = await club.join("liu"), await club.join("other")
    at = club.clock.now()
    await club.database.write(
        lambda connection: ledger.accrue_pending(
            connection, key="p", member_id=liu, points=5, qualifying=0, at=at, reference="p"
        )
    )
    for refused in (merge(club, other, liu), close(club, liu)):
        with pytest.raises(LedgerStateError) as found:
            await refused
        assert found.value.facts["state"] == "pending"


async def test_closing_forfeits_only_what_is_said_to_be_forfeited(club: Club) -> None:
    liu = await club.join("liu")
    await club.earn(liu, 1_000, "parts")
    with pytest.raises(RuleError) as refused:
        await close(club, liu)
    assert refused.value.facts["points"] == 100
    assert await close(club, liu, forfeit=True) == CloseAnswer(liu, "closed", 100)
    assert await close(club, liu, forfeit=True) == CloseAnswer(liu, "closed", 0)
    with pytest.raises(RuleError, match="ended"):
        await club.earn(liu, 1_000, "parts")
    other = await club.join("other")
    with pytest.raises(ConflictError):
        await merge(club, other, liu)
    assert await club.told(liu) == ["joined", "closed"]
    await club.require_clean_books()


async def test_what_is_refunded_to_an_ended_membership_goes_where_the_rest_went(club: Club) -> None:
    liu, double, gone = await club.join("liu"), await club.join("double"), await club.join("gone")
    at = club.clock.now()
    for member in (double, gone):
        await club.earn(member, 1_000, "parts")

        def spend(connection: Connection, member: str = member) -> None:
            hold(connection, member, 60, at, member)
            capture(connection, member, at)

        await club.database.write(spend)
    await merge(club, liu, double)
    await close(club, gone, forfeit=True)
    for member in (double, gone):
        await club.database.write(partial(reverse, name=member, number=1, quantity=60))
    assert (await club.night())["remainders"].handled == 2
    assert [(await club.points(one)).available for one in (liu, double, gone)] == [100, 0, 0]
    club.go_to(club.today + timedelta(1))
    assert (await club.night())["remainders"].handled == 0
    await club.require_clean_books()


async def test_partner_accounts_and_uses_of_entitlements(club: Club) -> None:
    liu, double = await club.join("liu"), await club.join("double")
    at, end = club.clock.now(), club.clock.now() + timedelta(300)

    def prepare(connection: Connection) -> None:
        for member in (liu, double):
            ledger.grant_entitlement(
                connection,
                member_id=member,
                benefit_id="lounge-visit",
                uses=6,
                window_start_at=at,
                window_end_at=end,
                at=at,
            )
        partner_accounts.put_account(connection, liu, "skyward-miles", "SK1", at)
        partner_accounts.put_account(connection, double, "skyward-miles", "SK2", at)
        partner_accounts.put_account(connection, double, "expedia-rapid", "EX2", at)

    await club.database.write(prepare)
    await merge(club, liu, double)
    accounts = await club.database.read(lambda connection: partner_accounts.get_accounts(connection, liu))
    assert accounts == {"skyward-miles": "SK1", "expedia-rapid": "EX2"}
    found = await club.database.read(lambda connection: ledger.balances(connection, liu))
    assert [one.available for one in found if one.commodity.startswith("VISIT")] == [6], "uses do not add up"
    await club.require_clean_books()
