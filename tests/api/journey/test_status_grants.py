"""A granted tier match reaches a partner that grants by an interface: once, again after a silence, else by the file."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from catalogue.partner_accounts import put_account
from catalogue.tier_match import Edge, EdgeKind, Ladder
from gateway.services import tier_desk
from gateway.services.status_grants import send_due
from tests.api.journey.house import House, Member

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOUNGE = "skyhub-lounge"
CLUB = "skyhub-club"


@pytest.fixture
def granting(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """The club matches its gold tier to the lounge operator's own programme."""
    return agreed(house, monkeypatch, "gold")


def agreed(house: House, monkeypatch: pytest.MonkeyPatch, tier: str) -> House:
    known = house.gateway.catalogue
    ladder = Ladder(programme=CLUB, tiers=("silver", "gold", "ruby"), partner=LOUNGE)
    edge = Edge(
        id=f"host-to-skyhub-{tier}", from_programme="host", from_tiers=("gold",), to_programme=CLUB, to_tier=tier,
        kind=EdgeKind.STATUS, source="a test",
    )  # fmt: skip
    graph = known.tier_matches
    graph = msgspec.structs.replace(graph, ladders=(*graph.ladders, ladder), edges=(*graph.edges, edge))
    changed = msgspec.structs.replace(known, tier_matches=graph)
    monkeypatch.setattr(type(house.gateway), "catalogue", property(lambda _: changed))
    return house


async def matched(house: House, member: Member, account: str) -> str:
    """Match a member whose account is known, as by a link."""
    known = partial(
        put_account, member_id=member.id, partner=LOUNGE, account_number=account, at=house.gateway.clock.now()
    )
    await house.gateway.database.write(known)
    answer = await member.post("/v1/tier-matches", {"partner": LOUNGE})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def in_file(house: House, match_id: str) -> bool:
    make = partial(tier_desk.batch, catalogue=house.gateway.catalogue, partner=LOUNGE, day=house.today)
    made = await house.gateway.database.read(make)
    return match_id.encode() in made.content


def granted(house: House, account: str) -> int:
    return sum(grant.account == account for grant in house.simulators[LOUNGE].book.rows("grants"))


async def test_a_match_is_told_once_and_is_then_in_no_file(granting: House, liu: Member) -> None:
    account = f"A{liu.id[-10:]}1"
    match_id = await matched(granting, liu, account)
    assert await in_file(granting, match_id)
    assert (await send_due(granting.gateway))[match_id] == "ok"
    assert granted(granting, account) == 1
    assert not await in_file(granting, match_id)
    assert match_id not in await send_due(granting.gateway)
    assert granted(granting, account) == 1


async def test_a_lost_answer_is_asked_again_with_the_same_key(granting: House, liu: Member) -> None:
    account = f"B{liu.id[-10:]}1"
    match_id = await matched(granting, liu, account)
    granting.fault(LOUNGE, "grant_status", "commit_then_reset")
    assert (await send_due(granting.gateway))[match_id] == "open"
    assert granted(granting, account) == 1, "the partner granted it, and its answer was lost"
    assert await in_file(granting, match_id)
    assert match_id not in await send_due(granting.gateway), "not at once"
    granting.clock.jump(seconds=901)
    assert (await send_due(granting.gateway))[match_id] == "ok"
    assert granted(granting, account) == 1


async def test_what_the_partner_refuses_stays_in_the_file(
    house: House, liu: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed(house, monkeypatch, "ruby")
    account = f"C{liu.id[-10:]}1"
    match_id = await matched(house, liu, account)
    assert (await send_due(house.gateway))[match_id] == "no", "the operator knows no such tier"
    assert granted(house, account) == 0
    assert await in_file(house, match_id)
    house.clock.jump(seconds=901)
    assert match_id not in await send_due(house.gateway), "a refusal is not asked again"
