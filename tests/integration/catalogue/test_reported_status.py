"""What a partner reports of a tier that is to be matched: believed, recorded, or a reason for a person to look."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection

from adapters.sdk.account_records import StatusReport
from catalogue import match_store, members, partner_accounts, statuses
from catalogue.errors import TierMatchRefusedError
from catalogue.loader import Catalogue
from catalogue.members import MemberInput
from catalogue.tier_match import HeldStatus, Provenance
from config.database import Database
from gateway.schemas.benefits import TierMatchAnswer, TierMatchBody
from gateway.services import tier_matches
from gateway.services.partner_members import Reported
from gateway.services.reported_status import NOT_CONFIRMED, OTHERWISE
from tests.integration.catalogue.conftest import AT, MEMBER

LONG_AGO = AT - timedelta(days=400)
TODAY = date(2026, 11, 22)
AIRLINE = "skyward-miles"
ACCOUNT = "8800123456"
GOLD = StatusReport(account=ACCOUNT, tier="gold", valid_until_date=date(2027, 3, 31), reference="mv-9")


@pytest.fixture
async def linked(database: Database) -> Database:
    """A member of long standing with an account at the airline, of whom no status is recorded there."""

    def make(connection: Connection) -> None:
        members.upsert_member(connection, MemberInput(external_id="crm-7", locale="en"), MEMBER, LONG_AGO)
        partner_accounts.put_account(connection, MEMBER, AIRLINE, ACCOUNT, LONG_AGO)

    await database.write(make)
    return database


async def record(database: Database, tier: str) -> None:
    status = HeldStatus(programme=AIRLINE, tier=tier, provenance=Provenance.EARNED, valid_from_date=date(2026, 1, 1))
    await database.write(partial(statuses.grant_status, member_id=MEMBER, status=status, evidence={}, at=AT))


async def matched(database: Database, catalogue: Catalogue, reported: Reported | None) -> TierMatchAnswer:
    body = TierMatchBody(partner=AIRLINE, from_partner=True)
    return await database.write(
        partial(
            tier_matches.match,
            catalogue=catalogue,
            member_id=MEMBER,
            body=body,
            new_id="tmt_1",
            locale="en",
            now=AT,
            reported=reported,
        )
    )


async def signals(database: Database) -> tuple[str, ...]:
    (only,) = await database.read(lambda connection: match_store.member_matches(connection, MEMBER))
    return only.signals


async def test_a_reported_tier_of_which_nothing_is_recorded_is_recorded_and_matched(
    linked: Database, catalogue: Catalogue
) -> None:
    assert (await matched(linked, catalogue, Reported(GOLD))).state == "granted"
    held = await linked.read(lambda connection: statuses.held_statuses(connection, MEMBER))
    recorded = next(one for one in held if one.programme == AIRLINE)
    assert (recorded.tier, recorded.provenance, recorded.valid_from_date, recorded.valid_to_date) == (
        "gold", Provenance.EARNED, TODAY, date(2027, 3, 31),
    )  # fmt: skip


async def test_a_tier_that_was_granted_there_is_not_matched_onward(linked: Database, catalogue: Catalogue) -> None:
    granted = StatusReport(account=ACCOUNT, tier="gold", provenance="granted")
    with pytest.raises(TierMatchRefusedError):
        await matched(linked, catalogue, Reported(granted))


async def test_an_agreeing_report_lets_the_match_be_granted(linked: Database, catalogue: Catalogue) -> None:
    await record(linked, "gold")
    assert (await matched(linked, catalogue, Reported(GOLD))).state == "granted"
    held = await linked.read(lambda connection: statuses.held_statuses(connection, MEMBER))
    assert [one.valid_from_date for one in held if one.programme == AIRLINE] == [date(2026, 1, 1)]


@pytest.mark.parametrize(
    "report",
    [
        StatusReport(account=ACCOUNT, tier="silver"),
        StatusReport(account=ACCOUNT, tier="Ambassador"),
        StatusReport(account=ACCOUNT),
        StatusReport(account=ACCOUNT, known=False),
        StatusReport(account=ACCOUNT, tier="gold", valid_until_date=TODAY - timedelta(days=1)),
    ],
    ids=["lower", "unheard-of", "none", "no-account", "ended"],
)
async def test_a_disagreement_goes_to_a_person(linked: Database, catalogue: Catalogue, report: StatusReport) -> None:
    await record(linked, "gold")
    assert (await matched(linked, catalogue, Reported(report))).state == "review"
    assert await signals(linked) == (OTHERWISE,)


async def test_a_partner_that_gives_no_answer_leaves_it_to_a_person(linked: Database, catalogue: Catalogue) -> None:
    await record(linked, "gold")
    assert (await matched(linked, catalogue, Reported(None))).state == "review"
    assert await signals(linked) == (NOT_CONFIRMED,)


async def test_the_last_day_of_a_reported_tier_counts(linked: Database, catalogue: Catalogue) -> None:
    await record(linked, "gold")
    last = StatusReport(account=ACCOUNT, tier="gold", valid_until_date=TODAY)
    assert (await matched(linked, catalogue, Reported(last))).state == "granted"


@pytest.mark.parametrize(
    "reported",
    [
        None,
        Reported(None),
        Reported(StatusReport(account=ACCOUNT)),
        Reported(StatusReport(account=ACCOUNT, known=False)),
        Reported(StatusReport(account=ACCOUNT, tier="Ambassador")),
    ],
)
async def test_nothing_known_and_nothing_reported_matches_nothing(
    linked: Database, catalogue: Catalogue, reported: Reported | None
) -> None:
    with pytest.raises(TierMatchRefusedError) as error:
        await matched(linked, catalogue, reported)
    assert error.value.facts["reason"] == "no_status"


async def test_who_is_not_asked_is_believed_as_recorded(linked: Database, catalogue: Catalogue) -> None:
    await record(linked, "gold")
    assert (await matched(linked, catalogue, None)).state == "granted"
