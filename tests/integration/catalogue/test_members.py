"""Members, consents, partner accounts and statuses, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from catalogue import consents, members, partner_accounts, statuses, tables
from catalogue.loader import Catalogue
from catalogue.members import MemberInput, MemberRecord, Personal
from catalogue.programme_standing import settle
from catalogue.programme_tiers import Credit
from catalogue.tier_match import HeldStatus, Provenance
from config.database import Database, RefusedByDatabaseError
from config.errors import ConflictError, NotFoundError
from tests.integration.catalogue.conftest import AT, MEMBER, OTHER

TODAY = date(2026, 11, 22)


async def test_upsert_keeps_the_first_identifier_and_replaces_the_rest(
    database: Database, member: MemberRecord
) -> None:
    later = AT + timedelta(days=1)
    changed = MemberInput(
        external_id="crm-1001", city="Beijing", locale="en", personal=Personal(email="new@example.test")
    )
    again = await database.write(lambda connection: members.upsert_member(connection, changed, OTHER, later))
    assert (again.id, again.city, again.locale) == (MEMBER, "Beijing", "en")
    assert (again.created_at, again.updated_at) == (AT, later)
    personal = await database.read(lambda connection: members.get_personal(connection, MEMBER))
    assert personal == Personal(email="new@example.test"), "what is left out is removed"
    assert await database.read(lambda connection: members.find_member(connection, "crm-1001")) == again


async def test_a_record_shows_no_personal_field(database: Database, member: MemberRecord) -> None:
    assert "Liu" not in repr(member)
    assert "liu@example.test" not in repr(member)


async def test_unknown_members_are_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError):
        await database.read(lambda connection: members.get_member(connection, MEMBER))
    with pytest.raises(NotFoundError):
        await database.write(lambda connection: consents.put_consent(connection, MEMBER, "p", "booking", 1, AT))


async def test_consent_is_given_renewed_and_withdrawn_with_its_history(
    database: Database, member: MemberRecord
) -> None:
    async def has() -> bool:
        return await database.read(
            lambda connection: consents.has_consent(connection, MEMBER, "expedia-rapid", "booking")
        )

    assert not await has()
    for version, days in ((1, 0), (1, 1), (2, 2)):
        at = AT + timedelta(days=days)
        await database.write(
            partial(
                consents.put_consent,
                member_id=MEMBER,
                partner="expedia-rapid",
                purpose="booking",
                version=version,
                at=at,
            )
        )
        assert await has()
    withdrawn_at = AT + timedelta(days=3)
    for expected in (True, False):
        assert expected is await database.write(
            lambda connection: consents.withdraw_consent(connection, MEMBER, "expedia-rapid", "booking", withdrawn_at)
        )
    assert not await has()
    history = await database.read(lambda connection: consents.list_consents(connection, MEMBER))
    assert [(one.version, one.granted_at, one.withdrawn_at) for one in history] == [
        (2, AT + timedelta(days=2), withdrawn_at),
        (1, AT, AT + timedelta(days=2)),
    ]


async def test_consents_of_one_instant_stay_in_order(database: Database, member: MemberRecord) -> None:
    def all_at_once(connection: sa.Connection) -> None:
        consents.put_consent(connection, MEMBER, "expedia-rapid", "booking", 1, AT)
        consents.withdraw_consent(connection, MEMBER, "expedia-rapid", "booking", AT)
        consents.put_consent(connection, MEMBER, "expedia-rapid", "booking", 1, AT)

    await database.write(all_at_once)
    history = await database.read(lambda connection: consents.list_consents(connection, MEMBER))
    assert [one.withdrawn_at is None for one in history] == [True, False]


async def test_consent_is_per_partner_and_purpose(database: Database, member: MemberRecord) -> None:
    await database.write(lambda connection: consents.put_consent(connection, MEMBER, "expedia-rapid", "booking", 1, AT))
    for partner, purpose in (("expedia-rapid", "marketing"), ("skyhub-lounge", "booking")):
        asking = partial(consents.has_consent, member_id=MEMBER, partner=partner, purpose=purpose)
        assert not await database.read(asking)


async def test_many_consents_at_once_leave_one_live(database: Database, member: MemberRecord) -> None:
    async def put(version: int) -> None:
        await database.write(
            lambda connection: consents.put_consent(connection, MEMBER, "expedia-rapid", "booking", version, AT)
        )

    await asyncio.gather(*(put(version) for version in range(1, 7)))
    history = await database.read(lambda connection: consents.list_consents(connection, MEMBER))
    assert sum(one.withdrawn_at is None for one in history) == 1


async def test_an_account_belongs_to_one_member(
    database: Database, member: MemberRecord, other_member: MemberRecord
) -> None:
    def put(connection: sa.Connection, member_id: str, number: str) -> None:
        partner_accounts.put_account(connection, member_id, "skyward-miles", number, AT)

    for number in ("SK100", "SK100", "SK200"):
        await database.write(partial(put, member_id=MEMBER, number=number))
    assert await database.read(lambda connection: partner_accounts.get_accounts(connection, MEMBER)) == {
        "skyward-miles": "SK200"
    }
    with pytest.raises(ConflictError) as refused:
        await database.write(lambda connection: put(connection, OTHER, "SK200"))
    assert refused.value.facts["reason"] == "account_taken"
    await database.write(lambda connection: put(connection, OTHER, "SK100"))


async def test_tier_follows_qualifying_points_and_only_rises_once(
    database: Database, member: MemberRecord, catalogue: Catalogue
) -> None:
    programme = catalogue.programme

    async def record(total: int) -> tuple[str, str] | None:
        history = [Credit(TODAY, total)]
        settled = await database.write(lambda connection: settle(connection, programme, MEMBER, history, AT))
        return (settled.change.before, settled.change.after) if settled.change else None

    async def tier(on_date: date = TODAY) -> str:
        return await database.read(lambda connection: statuses.current_tier(connection, programme, MEMBER, on_date))

    assert await tier() == "silver"
    assert await record(149_999) is None
    assert await record(150_000) == ("silver", "gold")
    assert await record(150_000) is None
    assert await tier() == "gold"
    assert await record(600_000) == ("gold", "diamond")
    assert await tier() == "diamond"
    assert await tier(date(2028, 11, 22)) == "diamond", "24 months, the last day included"
    assert await tier(date(2028, 11, 23)) == "silver"


async def test_the_day_of_a_status_is_the_programmes_day(
    database: Database, member: MemberRecord, catalogue: Catalogue
) -> None:
    late = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)  # midnight of the 23rd in Shanghai
    await database.write(
        lambda connection: settle(connection, catalogue.programme, MEMBER, [Credit(date(2026, 11, 23), 150_000)], late)
    )
    held = await database.read(lambda connection: statuses.held_statuses(connection, MEMBER))
    assert [status.valid_from_date for status in held] == [date(2026, 11, 23)]


async def test_a_matched_tier_counts_but_does_not_hide_an_earned_one(
    database: Database, member: MemberRecord, catalogue: Catalogue
) -> None:
    matched = HeldStatus(
        programme="host",
        tier="gold",
        provenance=Provenance.MATCHED,
        valid_from_date=TODAY,
        valid_to_date=date(2027, 11, 22),
        edge_id="skyward-miles-to-host-gold",
    )

    def grant(connection: sa.Connection) -> bool:
        return statuses.grant_status(connection, MEMBER, matched, {"reference": "SK-1"}, AT)

    assert await database.write(grant) is True
    assert await database.write(grant) is False
    settled = await database.write(
        lambda connection: settle(connection, catalogue.programme, MEMBER, [Credit(TODAY, 150_000)], AT)
    )
    assert settled.change is not None
    assert (settled.change.before, settled.change.after) == ("silver", "gold")
    context = await database.read(
        lambda connection: members.member_context(connection, catalogue.programme, MEMBER, TODAY)
    )
    assert context.tier == "gold"
    assert {status.provenance for status in context.statuses} == {Provenance.EARNED, Provenance.MATCHED}
    assert matched in context.statuses


async def test_context_gathers_everything_and_names_nobody(
    database: Database, member: MemberRecord, catalogue: Catalogue
) -> None:
    def prepare(connection: sa.Connection) -> None:
        consents.put_consent(connection, MEMBER, "expedia-rapid", "booking", 1, AT)
        partner_accounts.put_account(connection, MEMBER, "skyward-miles", "SK100", AT)

    await database.write(prepare)
    context = await database.read(
        lambda connection: members.member_context(connection, catalogue.programme, MEMBER, TODAY)
    )
    assert (context.tier, context.state, context.locale, context.city) == ("silver", "active", "zh-CN", "Changchun")
    assert context.consents == {("expedia-rapid", "booking")}
    assert context.partner_accounts == {"skyward-miles": "SK100"}
    assert "Liu" not in repr(context)


async def test_the_database_itself_refuses_a_matched_status_of_no_edge(
    database: Database, member: MemberRecord
) -> None:
    row = {
        "member_id": MEMBER,
        "programme": "host",
        "tier": "gold",
        "provenance": "matched",
        "valid_from_date": TODAY,
        "evidence": {},
        "granted_at": AT,
    }
    with pytest.raises(RefusedByDatabaseError):
        await database.write(lambda connection: connection.execute(sa.insert(tables.statuses).values(row)))
