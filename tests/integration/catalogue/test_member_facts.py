"""The one statement of a member's facts says what the many functions say, on both databases."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from sqlalchemy import Connection

from catalogue import consents, entitlements_store, member_facts, members, partner_accounts, statuses
from catalogue.benefits import PayWith
from catalogue.eligibility_rules import Energy, Vehicle
from catalogue.entitlements_windows import Use
from catalogue.members import MemberInput, MemberRecord
from catalogue.model import Catalogue
from catalogue.tier_match import HeldStatus, Provenance
from config.database import Database
from config.errors import NotFoundError
from tests.integration.catalogue.conftest import AT, MEMBER, OTHER

TODAY = AT.date()


@pytest.fixture
def sold(catalogue: Catalogue) -> Catalogue:
    """The catalogue with a stock on two of its benefits."""
    few = {
        name: tuple(msgspec.structs.replace(one, stock=5) for one in versions)
        for name, versions in list(catalogue.benefits.items())[:2]
    }
    return msgspec.structs.replace(catalogue, benefits=catalogue.benefits | few)


async def look(database: Database, catalogue: Catalogue, member_id: str = MEMBER) -> str | None:
    text: str | None = await database.look(member_facts.LOOK, member_id, member_facts.stocked(catalogue))
    return text


async def as_many_functions_say(database: Database, catalogue: Catalogue) -> tuple[object, object]:
    benefits = catalogue.benefits_on(TODAY)

    def read(connection: Connection) -> tuple[object, object]:
        context = members.member_context(connection, catalogue.programme, MEMBER, TODAY)
        return context, entitlements_store.taken_of(connection, MEMBER, benefits)

    return await database.read(read)


def fill(connection: Connection, catalogue: Catalogue) -> None:
    """Give the member two of everything, one of it past, and his neighbour some too."""
    cars = {"b": Vehicle("ID.4", Energy.ELECTRIC, date(2026, 3, 1)), "a": Vehicle('A"6', Energy.PETROL, TODAY)}
    given = MemberInput(external_id="crm-1001", city="长春", vehicles=cars)
    members.upsert_member(connection, given, MEMBER, AT)
    members.upsert_member(connection, MemberInput(external_id="crm-8"), OTHER, AT)
    for member_id in (MEMBER, OTHER):
        consents.put_consent(connection, member_id, "skyhub-lounge", "booking", 1, AT)
    consents.put_consent(connection, MEMBER, "expedia-rapid", "booking", 1, AT)
    consents.withdraw_consent(connection, MEMBER, "expedia-rapid", "booking", AT)
    partner_accounts.put_account(connection, MEMBER, "skyward-miles", "SK100", AT)
    for tier, ends in (("gold", date(2027, 1, 1)), ("silver", date(2026, 1, 1))):
        held = HeldStatus(
            programme="host",
            tier=tier,
            provenance=Provenance.EARNED,
            valid_from_date=date(2025, 1, 1),
            valid_to_date=ends,
        )
        statuses.grant_status(connection, MEMBER, held, {}, AT)
    for number, benefit in enumerate(catalogue.benefits_on(TODAY)):
        use = Use(service_date=TODAY, stay=f"PVG {number}", trip=f"t{number}", guests=number)
        for member_id, way in ((MEMBER, PayWith.POINTS), (MEMBER, PayWith.ENTITLEMENT), (OTHER, PayWith.POINTS)):
            entitlements_store.take(
                connection, benefit, use, redemption_id=f"r{number}{member_id[-1]}{way}", member_id=member_id,
                pay_with=way, at=AT,
            )  # fmt: skip
    entitlements_store.release(connection, f"r0{MEMBER[-1]}{PayWith.POINTS}", AT)


async def test_one_text_says_what_the_functions_say(database: Database, member: MemberRecord, sold: Catalogue) -> None:
    await database.write(lambda connection: fill(connection, sold))
    facts = member_facts.read(await look(database, sold))
    context, taken = await as_many_functions_say(database, sold)
    assert facts.context(sold.programme, TODAY) == context
    assert facts.taken_of(sold.benefits_on(TODAY)) == taken
    assert len(facts.statuses) >= 2
    assert len(facts.benefit_stock) == 2
    assert {one.taken for one in facts.benefit_stock} == {2, 3}
    assert [one.model for one in facts.member_vehicles] == ['A"6', "ID.4"]


async def test_every_change_changes_the_text(database: Database, member: MemberRecord, sold: Catalogue) -> None:
    first = next(iter(sold.benefits_on(TODAY)))
    use = Use(service_date=TODAY)

    def take(connection: Connection, member_id: str) -> None:
        entitlements_store.take(
            connection, first, use, redemption_id=f"r{member_id}", member_id=member_id, pay_with=PayWith.POINTS, at=AT
        )

    car = {"a": Vehicle("ID.4", Energy.ELECTRIC, TODAY)}
    changes = (
        lambda connection: consents.put_consent(connection, MEMBER, "skyhub-lounge", "booking", 1, AT),
        lambda connection: partner_accounts.put_account(connection, MEMBER, "skyward-miles", "SK100", AT),
        lambda connection: members.upsert_member(
            connection, MemberInput(external_id=member.external_id, vehicles=car), MEMBER, AT
        ),
        lambda connection: members.upsert_member(connection, MemberInput(external_id="other"), OTHER, AT),
        lambda connection: take(connection, MEMBER),
        lambda connection: take(connection, OTHER),
        lambda connection: members.end_membership(connection, MEMBER, None, AT),
    )
    texts = [await look(database, sold)]
    for change in changes:
        await database.write(change)
        texts.append(await look(database, sold))
    same = [number for number in range(len(changes)) if texts[number] == texts[number + 1]]
    assert same == [3], "only another member's own row says nothing of this one"


async def test_nobody_is_not_found(database: Database, catalogue: Catalogue) -> None:
    with pytest.raises(NotFoundError):
        member_facts.read(await look(database, catalogue, OTHER))
