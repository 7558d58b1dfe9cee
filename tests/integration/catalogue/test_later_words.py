"""OP-08: a voucher, a use, a status or a match in a word of a later version is left to it and stops nobody else."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from catalogue import challenge_store, entitlements_store, match_store, member_facts, statuses, voucher_store
from catalogue.benefits import PayWith
from catalogue.entitlements_windows import Use
from catalogue.errors import TierMatchRefusedError
from catalogue.loader import Catalogue
from catalogue.match_store import StoredMatch
from catalogue.members import MemberRecord, member_context
from catalogue.tables import benefit_uses, challenges, voucher_events, vouchers
from catalogue.tables import statuses as status_table
from catalogue.tables import tier_matches as match_table
from catalogue.tier_match import Challenge, HeldStatus, Provenance, reported_status
from catalogue.tier_match_texts import status_sentence
from catalogue.vouchers import VoucherState, make_code
from config.database import Database
from config.errors import ConflictError
from gateway.schemas.benefits import TierMatchBody
from gateway.services import tier_desk, tier_matches
from gateway.services import vouchers as desk
from tests.integration.catalogue.conftest import AT, MEMBER
from tests.integration.catalogue.test_voucher_store import NEW, consume, issue, refused
from tests.support.later import LATER, any_word

TODAY = AT.date()
MINE = msgspec.structs.replace(NEW, id="vch_2", redemption_id="rdm_2", code=make_code(bytes(16)))


async def write(database: Database, table: sa.Table, where: sa.ColumnElement[bool], **values: Any) -> None:
    """Write what a later version would."""

    def operation(connection: sa.Connection) -> None:
        any_word(connection, table)
        connection.execute(table.update().where(where).values(**values))

    await database.write(operation)


async def rows(database: Database, *tables: sa.Table) -> list[tuple[Any, ...]]:
    return await database.read(
        lambda connection: [tuple(row) for table in tables for row in connection.execute(sa.select(table))]
    )


async def test_op_08_a_voucher_in_a_later_state_is_shown_and_left_alone(
    database: Database, member: MemberRecord
) -> None:
    await issue(database)
    mine = await issue(database, MINE)
    await write(database, vouchers, vouchers.c.id == NEW.id, state=LATER)
    theirs = [row for row in await rows(database, vouchers, voucher_events) if NEW.id in row]
    listed = await database.read(partial(voucher_store.member_vouchers, member_id=MEMBER))
    assert {one.id: one.state for one in listed} == {mine.id: "issued", NEW.id: VoucherState.UNKNOWN}
    verify = partial(voucher_store.verify_voucher, partner="skyhub-lounge", code=NEW.code, at=AT)
    assert await refused(database.read(verify)) == "not_now"
    assert await refused(consume(database)) == "not_now"
    take_back = partial(voucher_store.unconsume_voucher, partner="skyhub-lounge", code=NEW.code, at=AT)
    assert await refused(database.write(take_back)) == "not_now"
    assert not await database.write(partial(voucher_store.void_voucher, redemption_id=NEW.redemption_id, at=AT))
    assert await database.write(partial(desk.expire, now=NEW.valid_to_at)) == 1
    assert [row for row in await rows(database, vouchers, voucher_events) if NEW.id in row] == theirs
    found = await database.read(partial(voucher_store.voucher_of, redemption_id=MINE.redemption_id))
    assert found is not None
    assert found.state is VoucherState.EXPIRED


@pytest.mark.parametrize("later", [{"pay_with": "instalments"}, {"state": LATER}], ids=["way to pay", "state"])
async def test_op_08_a_use_in_a_later_word_stands_and_hides_no_benefit(
    database: Database, catalogue: Catalogue, member: MemberRecord, later: dict[str, str]
) -> None:
    benefit = catalogue.benefit("lounge-visit", TODAY)
    assert benefit is not None
    take = partial(entitlements_store.take, benefit=benefit, member_id=MEMBER, pay_with=PayWith.ENTITLEMENT, at=AT)
    for number in (1, 2):
        use = Use(service_date=date(2026, 12, number), stay="PVG", trip=f"trip {number}")
        await database.write(partial(take, use=use, redemption_id=f"rdm_{number}"))
    await write(database, benefit_uses, benefit_uses.c.redemption_id == "rdm_2", **later)
    by_functions = await database.read(partial(entitlements_store.taken_of, member_id=MEMBER, benefits=[benefit]))
    text = await database.look(member_facts.LOOK, MEMBER, member_facts.stocked(catalogue))
    assert member_facts.read(text).taken_of([benefit]) == by_functions
    taken = by_functions[benefit.id]
    by_right = 1 if "pay_with" in later else 2
    assert (len(taken.uses), len(taken.entitlement_uses)) == (2, by_right)
    before = await rows(database, benefit_uses)
    if "state" in later:
        assert not await database.write(partial(entitlements_store.release, redemption_id="rdm_2", at=AT))
        await database.write(partial(entitlements_store.settle, redemption_id="rdm_2", at=AT))
        assert await rows(database, benefit_uses) == before


async def test_op_08_a_status_come_by_in_a_later_way_holds_and_leads_nowhere(
    database: Database, catalogue: Catalogue, member: MemberRecord
) -> None:
    programme, graph = catalogue.programme, catalogue.tier_matches
    gold = HeldStatus(
        programme=programme.id, tier="gold", provenance=Provenance.GIFTED, valid_from_date=date(2026, 1, 1)
    )
    await database.write(partial(statuses.grant_status, member_id=MEMBER, status=gold, evidence={}, at=AT))
    await write(database, status_table, status_table.c.member_id == MEMBER, provenance="inherited")
    (held,) = await database.read(partial(statuses.held_statuses, member_id=MEMBER))
    assert held == msgspec.structs.replace(gold, provenance="inherited")
    context = await database.read(partial(member_context, programme=programme, member_id=MEMBER, on_date=TODAY))
    text = await database.look(member_facts.LOOK, MEMBER, member_facts.stocked(catalogue))
    assert member_facts.read(text).context(programme, TODAY) == context
    assert context.tier == "gold"
    listed = await database.read(
        partial(tier_matches.list_statuses, catalogue=catalogue, member_id=MEMBER, locale="en")
    )
    assert [one.provenance for one in listed.items] == ["inherited"]
    assert "come by otherwise" in status_sentence(held, "en")
    asked = TierMatchBody(partner="expedia-rapid")
    with pytest.raises(TierMatchRefusedError) as error:
        await database.write(
            partial(
                tier_matches.match,
                catalogue=catalogue,
                member_id=MEMBER,
                body=asked,
                new_id="tmt_1",
                locale="en",
                now=AT,
            )
        )
    assert error.value.facts["reason"] == "matched_onward"
    assert reported_status(graph, msgspec.structs.replace(gold, provenance=Provenance.EARNED), [held]) is None


def stored(match_id: str, **changes: Any) -> StoredMatch:
    plain = StoredMatch(
        id=match_id,
        member_id=MEMBER,
        edge_id="host-to-rapid-rewards-gold",
        from_programme="host",
        from_tier="gold",
        to_programme="rapid-rewards",
        to_tier="gold",
        state="granted",
        requested_at=AT,
        granted_date=TODAY,
        valid_from_date=TODAY,
        decided_at=AT,
        decided_by="rule",
    )
    return msgspec.structs.replace(plain, **changes)


async def test_op_08_a_match_in_a_later_state_is_told_to_nobody_and_stops_no_other(
    database: Database, catalogue: Catalogue, member: MemberRecord
) -> None:
    for name in ("tmt_1", "tmt_2"):
        await database.write(partial(match_store.record_match, match=stored(name)))
    await write(database, match_table, match_table.c.id == "tmt_1", state=LATER)
    before = await rows(database, match_table)
    made = await database.read(partial(tier_desk.batch, catalogue=catalogue, partner="expedia-rapid", day=TODAY))
    assert made.waiting == ("tmt_2",)
    assert await database.read(match_store.open_reviews) == ()
    decide = partial(tier_desk.decide, catalogue=catalogue, match_id="tmt_1", approve=False, by="wang", now=AT)
    with pytest.raises(ConflictError):
        await database.write(decide)
    assert await rows(database, match_table) == before


async def test_op_08_a_challenge_that_ended_in_a_later_way_is_shown_and_stays(
    database: Database, catalogue: Catalogue, member: MemberRecord
) -> None:
    terms = Challenge(
        edge_id="host-to-rapid-rewards-gold",
        programme="rapid-rewards",
        tier="gold",
        started_date=TODAY,
        deadline_date=TODAY + timedelta(days=90),
        target=10,
        months=12,
    )
    for name in ("tmt_1", "tmt_2"):
        await database.write(partial(match_store.record_match, match=stored(name)))
        await database.write(partial(challenge_store.begin_challenge, match_id=name, challenge=terms, at=AT))
    await write(database, challenges, challenges.c.match_id == "tmt_1", outcome="paused")
    listed = await database.read(
        partial(tier_matches.list_statuses, catalogue=catalogue, member_id=MEMBER, locale="en")
    )
    assert [one.outcome for one in listed.challenges] == ["paused", "open"]
    tell = partial(challenge_store.tell_progress, match_id="tmt_1", progress=10, on_date=TODAY, at=AT)
    with pytest.raises(TierMatchRefusedError):
        await database.write(tell)
    settle = partial(challenge_store.settle_challenges, on_date=TODAY + timedelta(days=99), at=AT)
    assert [one.match_id for one in await database.write(settle)] == ["tmt_2"]
    listed = await database.read(
        partial(tier_matches.list_statuses, catalogue=catalogue, member_id=MEMBER, locale="en")
    )
    assert [one.outcome for one in listed.challenges] == ["paused", "missed"]
