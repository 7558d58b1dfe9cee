"""Tier matches on both databases: evidence, signals, people's decisions, caps, challenges and the partner's file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

import msgspec
import pytest
from sqlalchemy import Connection

from catalogue import challenge_store, match_store, members, partner_accounts, statuses
from catalogue.errors import TierMatchRefusedError
from catalogue.loader import Catalogue
from catalogue.members import MemberInput, MemberRecord, Personal
from catalogue.texts import Text
from catalogue.tier_match import (
    Cap,
    ChallengeTerms,
    EdgeKind,
    HeldStatus,
    Outcome,
    Provenance,
    UsedMatch,
)
from config.database import Database
from config.errors import ConflictError, NotFoundError
from gateway.schemas.benefits import TierMatchAnswer, TierMatchBody
from gateway.services import tier_desk, tier_matches
from tests.integration.catalogue.conftest import AT, MEMBER, OTHER

TODAY = date(2026, 11, 22)
LONG_AGO = AT - timedelta(days=400)
AIRLINE = "skyward-miles"
HOTEL = "expedia-rapid"
FROM_AIRLINE = TierMatchBody(partner=AIRLINE, from_partner=True)
TO_HOTEL = TierMatchBody(partner=HOTEL)


def status(programme: str, tier: str, provenance: Provenance = Provenance.EARNED, **changes: object) -> HeldStatus:
    plain = HeldStatus(programme=programme, tier=tier, provenance=provenance, valid_from_date=date(2026, 1, 1))
    return msgspec.structs.replace(plain, **changes)


def with_edge(catalogue: Catalogue, edge_id: str, **changes: object) -> Catalogue:
    graph = catalogue.tier_matches
    edges = tuple(msgspec.structs.replace(one, **changes) if one.id == edge_id else one for one in graph.edges)
    return msgspec.structs.replace(catalogue, tier_matches=msgspec.structs.replace(graph, edges=edges))


def match(
    catalogue: Catalogue, body: TierMatchBody, new_id: str = "tmt_1", now: datetime = AT, member_id: str = MEMBER
) -> Callable[[Connection], TierMatchAnswer]:
    return partial(
        tier_matches.match, catalogue=catalogue, member_id=member_id, body=body, new_id=new_id, locale="en", now=now
    )


@pytest.fixture
async def old_member(database: Database) -> str:
    """A member of long standing, whose airline account was linked long ago and who earned gold there."""
    liu = MemberInput(external_id="crm-7", locale="en", personal=Personal(email="liu@example.test"))

    def make(connection: Connection) -> None:
        members.upsert_member(connection, liu, MEMBER, LONG_AGO)
        partner_accounts.put_account(connection, MEMBER, AIRLINE, "8800123456", LONG_AGO)
        statuses.grant_status(connection, MEMBER, status(AIRLINE, "gold"), {}, AT)

    await database.write(make)
    return MEMBER


async def refused(database: Database, operation: Callable[[Connection], object]) -> str:
    with pytest.raises(TierMatchRefusedError) as error:
        await database.write(operation)
    return str(error.value.facts["reason"])


async def test_a_partners_status_is_matched_by_its_linked_account(
    database: Database, catalogue: Catalogue, old_member: str
) -> None:
    answer = await database.write(match(catalogue, FROM_AIRLINE))
    assert (answer.state, answer.edge_id) == ("granted", "skyward-miles-to-host-gold")
    assert answer.status is not None
    assert (answer.status.programme, answer.status.tier, answer.status.provenance) == ("host", "gold", "matched")
    (stored,) = await database.read(partial(match_store.member_matches, member_id=MEMBER))
    assert (stored.state, stored.granted_date, stored.decided_by, stored.signals) == ("granted", TODAY, "rule", ())
    assert stored.valid_to_date == answer.status.valid_to_date
    facts = await database.read(partial(match_store.match_facts, programme=catalogue.programme, member_id=MEMBER))
    assert facts.used == (UsedMatch("skyward-miles-to-host-gold", TODAY),)
    assert await refused(database, match(catalogue, FROM_AIRLINE, "tmt_2")) == "already_held"
    assert await refused(database, match(catalogue, TO_HOTEL, "tmt_2")) == "matched_onward"


async def test_without_a_linked_account_nothing_is_proved(
    database: Database, catalogue: Catalogue, member: MemberRecord
) -> None:
    await database.write(
        partial(statuses.grant_status, member_id=MEMBER, status=status(AIRLINE, "gold"), evidence={}, at=AT)
    )
    assert await refused(database, match(catalogue, FROM_AIRLINE)) == "account_not_linked"


async def test_a_signal_sends_the_request_to_a_person_who_decides_once(
    database: Database, catalogue: Catalogue, old_member: str
) -> None:
    changed = MemberInput(external_id="crm-7", personal=Personal(email="somebody.else@example.test"))
    await database.write(partial(members.upsert_member, member=changed, new_id=OTHER, at=AT - timedelta(days=2)))
    answer = await database.write(match(catalogue, FROM_AIRLINE))
    assert (answer.state, answer.status, answer.challenge) == ("review", None, None)
    assert await database.read(partial(statuses.held_statuses, member_id=MEMBER)) == (status(AIRLINE, "gold"),)
    (waiting,) = await database.read(match_store.open_reviews)
    assert (waiting.id, waiting.signals) == ("tmt_1", ("email-changed",))
    assert await refused(database, match(catalogue, FROM_AIRLINE, "tmt_2")) == "in_review"
    listed = await database.read(
        partial(tier_matches.list_statuses, catalogue=catalogue, member_id=MEMBER, locale="en")
    )
    assert listed.in_review == ["skyward-miles-to-host-gold"]

    decide = partial(tier_desk.decide, catalogue=catalogue, match_id="tmt_1", by="wang", now=AT)
    decided = await database.write(partial(decide, approve=True))
    assert (decided.state, decided.decided_by, decided.granted_date) == ("granted", "wang", TODAY)
    assert await database.read(match_store.open_reviews) == ()
    held = await database.read(partial(statuses.held_statuses, member_id=MEMBER))
    assert [(one.programme, one.tier, one.provenance) for one in held][-1] == ("host", "gold", "matched")
    for approve in (True, False):
        with pytest.raises(ConflictError):
            await database.write(partial(decide, approve=approve))


async def test_a_refused_request_grants_nothing_and_may_be_made_again(
    database: Database, catalogue: Catalogue, old_member: str
) -> None:
    fresh = AT + timedelta(days=1)
    await database.write(
        partial(partner_accounts.put_account, member_id=MEMBER, partner=AIRLINE, account_number="8", at=AT)
    )
    assert (await database.write(match(catalogue, FROM_AIRLINE, now=fresh))).state == "review"
    await database.write(
        partial(tier_desk.decide, catalogue=catalogue, match_id="tmt_1", approve=False, by="wang", now=fresh)
    )
    assert len(await database.read(partial(statuses.held_statuses, member_id=MEMBER))) == 1
    later = AT + timedelta(days=4)
    assert (await database.write(match(catalogue, FROM_AIRLINE, "tmt_2", now=later))).state == "granted"


async def test_a_decision_judges_again(database: Database, catalogue: Catalogue, old_member: str) -> None:
    changed = MemberInput(external_id="crm-7", personal=Personal())
    await database.write(partial(members.upsert_member, member=changed, new_id=OTHER, at=AT))
    assert (await database.write(match(catalogue, FROM_AIRLINE))).state == "review"
    ended = with_edge(catalogue, "skyward-miles-to-host-gold", valid_to_date=TODAY - timedelta(days=1))
    decide = partial(tier_desk.decide, match_id="tmt_1", approve=True, by="wang", now=AT)
    assert await refused(database, partial(decide, catalogue=ended)) == "no_edge"
    assert len(await database.read(match_store.open_reviews)) == 1
    with pytest.raises(NotFoundError):
        await database.write(partial(decide, catalogue=catalogue, match_id="tmt_9"))


async def test_a_cap_is_counted_over_the_years_and_two_requests_at_once_use_it_once(
    database: Database, catalogue: Catalogue, old_member: str
) -> None:
    capped = with_edge(catalogue, "skyward-miles-to-host-gold", cap=Cap(1, 3), months=1)
    asked = [asyncio.create_task(database.write(match(capped, FROM_AIRLINE, f"tmt_{number}"))) for number in range(4)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, TierMatchAnswer) for answer in answers) == 1
    assert sum(isinstance(answer, TierMatchRefusedError) for answer in answers) == 3
    for years, reason in ((2, "cap_reached"), (3, None)):
        now = AT.replace(year=AT.year + years)
        if reason is None:
            assert (await database.write(match(capped, FROM_AIRLINE, "tmt_9", now=now))).state == "granted"
        else:
            assert await refused(database, match(capped, FROM_AIRLINE, "tmt_9", now=now)) == reason


async def test_benefits_without_a_status_are_recorded_and_last(
    database: Database, catalogue: Catalogue, old_member: str
) -> None:
    earning = with_edge(
        catalogue,
        "skyward-miles-to-host-gold",
        kind=EdgeKind.DUAL_EARN,
        to_tier=None,
        grants=Text("双倍累积", "double earning"),
        months=6,
    )
    answer = await database.write(match(earning, FROM_AIRLINE))
    assert (answer.state, answer.status) == ("granted", None)
    (stored,) = await database.read(partial(match_store.member_matches, member_id=MEMBER))
    assert (stored.to_tier, stored.valid_from_date, stored.valid_to_date) == (None, TODAY, date(2027, 5, 22))
    assert await refused(database, match(earning, FROM_AIRLINE, "tmt_2")) == "already_held"


def challenging(catalogue: Catalogue) -> Catalogue:
    terms = ChallengeTerms(10, 90, Text("晚", "nights"))
    return with_edge(catalogue, "host-to-rapid-rewards-gold", kind=EdgeKind.CHALLENGE, challenge=terms, signals=())


@pytest.fixture
async def gold_member(database: Database, member: MemberRecord) -> str:
    await database.write(
        partial(statuses.grant_status, member_id=MEMBER, status=status("host", "gold"), evidence={}, at=AT)
    )
    return MEMBER


async def test_a_challenge_is_begun_told_of_and_met(database: Database, catalogue: Catalogue, gold_member: str) -> None:
    trial = challenging(catalogue)
    answer = await database.write(match(trial, TO_HOTEL))
    assert answer.challenge is not None
    assert (answer.challenge.deadline_date, answer.challenge.target) == (date(2027, 2, 19), 10)
    assert answer.challenge.counted == "nights"
    assert answer.status is not None
    assert (answer.status.provenance, answer.status.valid_to_date) == ("challenge", date(2027, 2, 19))
    tell = partial(challenge_store.tell_progress, match_id="tmt_1", at=AT)
    assert (await database.write(partial(tell, progress=9, on_date=date(2027, 1, 1)))).outcome == Outcome.OPEN
    met = await database.write(partial(tell, progress=11, on_date=date(2027, 2, 19)))
    assert met.outcome == Outcome.MET
    assert await database.write(partial(tell, progress=11, on_date=date(2027, 2, 19))) == met, "told twice"
    assert await refused(database, partial(tell, progress=12, on_date=date(2027, 2, 19))) == "challenge_over"
    held = await database.read(partial(statuses.held_statuses, member_id=MEMBER))
    hotel = [(one.provenance, one.valid_from_date, one.valid_to_date) for one in held if one.tier == "gold"][1:]
    assert hotel == [
        ("challenge", TODAY, date(2027, 2, 19)),
        ("challenge", date(2027, 2, 20), date(2028, 2, 19)),
    ]
    facts = await database.read(partial(match_store.match_facts, programme=catalogue.programme, member_id=MEMBER))
    assert facts.used == (UsedMatch("host-to-rapid-rewards-gold", TODAY),), "keeping it is no second use"
    listed = await database.read(partial(tier_matches.list_statuses, catalogue=trial, member_id=MEMBER, locale="en"))
    assert [(one.progress, one.outcome) for one in listed.challenges] == [(11, "met")]


async def test_a_challenge_is_missed_the_day_after_its_deadline_and_only_once(
    database: Database, catalogue: Catalogue, gold_member: str
) -> None:
    trial = challenging(catalogue)
    await database.write(match(trial, TO_HOTEL))
    settle = partial(challenge_store.settle_challenges, at=AT)
    assert await database.write(partial(settle, on_date=date(2027, 2, 19))) == ()
    (missed,) = await database.write(partial(settle, on_date=date(2027, 2, 20)))
    assert (missed.match_id, missed.outcome) == ("tmt_1", Outcome.MISSED)
    assert await database.write(partial(settle, on_date=date(2027, 2, 20))) == ()
    late = partial(challenge_store.tell_progress, match_id="tmt_1", progress=10, on_date=date(2027, 2, 19), at=AT)
    assert await refused(database, late) == "challenge_over"
    after = datetime(2027, 3, 1, tzinfo=UTC)
    assert await refused(database, match(trial, TO_HOTEL, "tmt_2", now=after)) == "used_before"


@pytest.mark.parametrize(
    ("progress", "on_date"), [(-1, TODAY), (1, TODAY - timedelta(days=1)), (10, date(2027, 2, 20))]
)
async def test_progress_counts_within_the_challenge_only(
    database: Database, catalogue: Catalogue, gold_member: str, progress: int, on_date: date
) -> None:
    await database.write(match(challenging(catalogue), TO_HOTEL))
    tell = partial(challenge_store.tell_progress, match_id="tmt_1", progress=progress, on_date=on_date, at=AT)
    assert await refused(database, tell) == "challenge_over"
    (stored,) = await database.read(partial(challenge_store.member_challenges, member_id=MEMBER))
    assert (stored.outcome, stored.challenge.progress) == (Outcome.OPEN, 0)


async def test_there_is_no_challenge_where_none_was_begun(
    database: Database, catalogue: Catalogue, gold_member: str
) -> None:
    await database.write(match(catalogue, TO_HOTEL))
    for match_id in ("tmt_1", "tmt_9"):
        with pytest.raises(NotFoundError):
            await database.write(
                partial(challenge_store.tell_progress, match_id=match_id, progress=1, on_date=TODAY, at=AT)
            )


@pytest.mark.parametrize(
    ("programme", "tier", "reason"),
    [
        (AIRLINE, "Gold", "unknown_tier"),
        ("skyward miles", "gold", "unknown_programme"),
        ("rapid-rewards", "gold", "account_not_linked"),
        ("AA", "Gold", "account_not_linked"),
        ("host", "gold", "account_not_linked"),
    ],
)
async def test_a_report_that_nothing_proves_is_refused(
    database: Database, catalogue: Catalogue, old_member: str, programme: str, tier: str, reason: str
) -> None:
    report = partial(
        statuses.record_reported,
        graph=catalogue.tier_matches,
        member_id=MEMBER,
        status=status(programme, tier),
        evidence={"reference": "r-1"},
        at=AT,
    )
    assert await refused(database, report) == reason


async def test_what_we_granted_comes_back_as_no_earned_status(
    database: Database, catalogue: Catalogue, gold_member: str
) -> None:
    """The hotel knows the member as gold because we told it so; its report must not open the way onward."""
    await database.write(
        partial(partner_accounts.put_account, member_id=MEMBER, partner=HOTEL, account_number="H1", at=AT)
    )
    await database.write(match(catalogue, TO_HOTEL))

    def report(tier: str, first: date) -> Callable[[Connection], bool]:
        reported = status("rapid-rewards", tier, valid_from_date=first)
        return lambda connection: statuses.record_reported(
            connection, catalogue.tier_matches, MEMBER, reported, {"reference": "r-1"}, AT
        )

    assert not await database.write(report("gold", TODAY))
    assert not await database.write(report("silver", TODAY))
    held = await database.read(partial(statuses.held_statuses, member_id=MEMBER))
    assert [one.provenance for one in held if one.programme == "rapid-rewards"] == ["matched"]
    assert await database.write(report("gold", date(2027, 11, 23))), "after our grant has ended it is the member's own"


async def test_the_partners_file_holds_the_days_grants_and_is_the_same_each_time(
    database: Database, catalogue: Catalogue, gold_member: str, other_member: MemberRecord
) -> None:
    await database.write(
        partial(statuses.grant_status, member_id=OTHER, status=status("host", "gold"), evidence={}, at=AT)
    )
    await database.write(
        partial(partner_accounts.put_account, member_id=MEMBER, partner=HOTEL, account_number="=1+1", at=AT)
    )
    await database.write(match(catalogue, TO_HOTEL, "tmt_1"))
    await database.write(match(catalogue, TO_HOTEL, "tmt_2", member_id=OTHER))
    make = partial(tier_desk.batch, catalogue=catalogue, partner=HOTEL)
    first = await database.read(partial(make, day=TODAY))
    assert first.content.decode().splitlines() == [
        "reference,account_number,programme,tier,provenance,valid_from_date,valid_to_date,edge",
        'tmt_1,"\'=1+1",rapid-rewards,gold,matched,2026-11-22,2027-11-22,host-to-rapid-rewards-gold',
    ]
    assert (first.rows, first.waiting) == (1, ("tmt_2",))
    assert await database.read(partial(make, day=TODAY)) == first
    linked = AT + timedelta(days=3)
    await database.write(
        partial(partner_accounts.put_account, member_id=OTHER, partner=HOTEL, account_number="H2", at=linked)
    )
    late = await database.read(partial(make, day=TODAY + timedelta(days=3)))
    assert [line.split(",")[:2] for line in late.content.decode().splitlines()[1:]] == [["tmt_2", "H2"]]
    for days in (1, 2, 4):
        assert (await database.read(partial(make, day=TODAY + timedelta(days=days)))).rows == 0
    with pytest.raises(NotFoundError):
        await database.read(partial(tier_desk.batch, catalogue=catalogue, partner="nobody", day=TODAY))


async def test_a_met_challenge_is_told_on_the_day_it_begins_to_be_kept(
    database: Database, catalogue: Catalogue, gold_member: str
) -> None:
    trial = challenging(catalogue)
    await database.write(
        partial(partner_accounts.put_account, member_id=MEMBER, partner=HOTEL, account_number="H1", at=AT)
    )
    await database.write(match(trial, TO_HOTEL))
    await database.write(
        partial(challenge_store.tell_progress, match_id="tmt_1", progress=10, on_date=date(2027, 1, 4), at=AT)
    )
    make = partial(tier_desk.batch, catalogue=trial, partner=HOTEL)
    for day, rest in (
        (TODAY, "tmt_1,H1,rapid-rewards,gold,challenge,2026-11-22,2027-02-19"),
        (date(2027, 1, 5), "tmt_1:kept,H1,rapid-rewards,gold,challenge,2027-01-05,2028-01-04"),
    ):
        lines = (await database.read(partial(make, day=day))).content.decode().splitlines()
        assert lines[1:] == [f"{rest},host-to-rapid-rewards-gold"]


async def test_only_a_changed_address_is_a_change(database: Database, catalogue: Catalogue, old_member: str) -> None:
    async def changed() -> date | None:
        facts = await database.read(partial(match_store.match_facts, programme=catalogue.programme, member_id=MEMBER))
        assert facts.member_since_date == catalogue.programme.today(LONG_AGO)
        assert facts.links == {AIRLINE: catalogue.programme.today(LONG_AGO)}
        return facts.email_changed_date

    assert await changed() is None
    same = MemberInput(external_id="crm-7", personal=Personal(email="liu@example.test", phone="+8613900000009"))
    await database.write(partial(members.upsert_member, member=same, new_id=OTHER, at=AT))
    assert await changed() is None
    other = MemberInput(external_id="crm-7", personal=Personal(email="new@example.test"))
    await database.write(partial(members.upsert_member, member=other, new_id=OTHER, at=AT))
    assert await changed() == TODAY
    await database.write(partial(members.upsert_member, member=other, new_id=OTHER, at=AT + timedelta(days=9)))
    assert await changed() == TODAY


async def test_an_unknown_member_has_no_facts(database: Database, catalogue: Catalogue) -> None:
    with pytest.raises(NotFoundError):
        await database.read(partial(match_store.match_facts, programme=catalogue.programme, member_id=MEMBER))
