"""Linking a member's account at a partner, from the app's first request to the end of the link, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from adapters.sdk.errors import AuthenticationError
from catalogue import partner_accounts
from config.settings import FolderSettings
from gateway.housekeeping import Housekeeper
from gateway.links.tables import partner_link_requests, partner_links
from gateway.redemption.tables import outbox
from gateway.services.partner_links import revoke_due
from tests.api.conftest import StandingClock, settings_for
from tests.support.linking import LOUNGE, OTHER, LinkingClub, browse, configuration, linking_club


@pytest.fixture
async def club(database_url: str, tmp_path: Path, clock: StandingClock) -> AsyncIterator[LinkingClub]:
    settings = settings_for(database_url, tmp_path)
    folders = FolderSettings(configuration=configuration(tmp_path / "config"), data=tmp_path)
    async with linking_club(msgspec.structs.replace(settings, folders=folders), clock) as club:
        yield club


async def links(club: LinkingClub, member_id: str) -> dict[str, Any]:
    answer = await club.client.get("/v1/partner-links", headers=club.member(member_id))
    return {each["partner"]: each for each in answer.json()["items"]}


async def accounts(club: LinkingClub, member_id: str) -> dict[str, str]:
    return await club.gateway.database.read(partial(partner_accounts.get_accounts, member_id=member_id))


async def row(club: LinkingClub, member_id: str) -> Any:
    query = sa.select(partner_links).where(partner_links.c.member_id == member_id)
    return await club.gateway.database.read(lambda connection: connection.execute(query).one())


async def test_a_member_links_and_his_account_is_known(club: LinkingClub) -> None:
    liu = await club.add_member("liu")
    url = await club.begin(liu)
    assert (await links(club, liu))[LOUNGE]["state"] == "pending"
    assert await accounts(club, liu) == {}
    linked = await club.finish(liu, await browse(url, member="SKY-1"))
    assert linked.status_code == 200, linked.text
    assert (linked.json()["state"], linked.json()["account_number"]) == ("active", "SKY-1")
    assert (await links(club, liu))[LOUNGE] == linked.json()
    assert await accounts(club, liu) == {LOUNGE: "SKY-1"}
    me = await club.client.get("/v1/me", headers=club.member(liu))
    (told,) = me.json()["links"]
    assert (told["partner"], told["account_number"]) == (LOUNGE, "SKY-1")
    assert told["verified_at"] == "2026-11-22T04:00:00Z", "the partner itself said so"


async def test_what_an_address_to_the_partner_holds(club: LinkingClub) -> None:
    liu = await club.add_member("liu")
    first, second = await club.begin(liu), await club.begin(liu)
    for word in ("response_type=code", "code_challenge_method=S256", "code_challenge=", "state=", "scope=member"):
        assert word in first
    assert "code_verifier" not in first
    assert first != second
    refused = await club.finish(liu, await browse(first, member="SKY-1"))
    assert (refused.status_code, refused.json()["code"]) == (422, "link_refused"), "the second voids the first"


async def test_oa_09_a_state_that_is_missing_unknown_anothers_or_used_is_refused(club: LinkingClub) -> None:
    liu, wang = await club.add_member("liu"), await club.add_member("wang")
    answer = await browse(await club.begin(liu), member="SKY-1")
    told = [
        await club.finish(liu, {**answer, "state": "a-state-of-nobody"}),
        await club.finish(wang, answer),
    ]
    missing = await club.finish(liu, {"code": answer["code"], "iss": answer["iss"]})
    assert missing.status_code == 400
    assert (await club.finish(liu, answer)).status_code == 200
    told.append(await club.finish(liu, answer))
    assert [(each.status_code, each.json()["code"]) for each in told] == [(422, "link_refused")] * 3
    assert len({each.json()["detail"] for each in told}) == 1, "refusals look alike"
    assert await accounts(club, wang) == {}


async def test_the_callback_asks_for_the_members_token(club: LinkingClub) -> None:
    liu = await club.add_member("liu")
    answer = await browse(await club.begin(liu), member="SKY-1")
    without = await club.client.get("/v1/partner-links/callback", params=answer)
    assert without.status_code == 401
    scopeless = club.member(liu, "profile:read")
    assert (await club.client.get("/v1/partner-links/callback", params=answer, headers=scopeless)).status_code == 403
    assert (await club.finish(liu, answer)).status_code == 200


async def test_a_request_is_open_for_ten_minutes(club: LinkingClub, clock: StandingClock) -> None:
    liu = await club.add_member("liu")
    url = await club.begin(liu)
    clock.move(minutes=10)
    answer = await browse(url, member="SKY-1")
    refused = await club.finish(liu, answer)
    assert (refused.status_code, refused.json()["code"]) == (422, "link_refused")


@pytest.mark.parametrize("issuer", ["another", "none", "attacker"])
async def test_oa_08_a_mix_up_is_stopped_before_anything_is_sent(club: LinkingClub, issuer: str) -> None:
    liu = await club.add_member("liu")
    answer = await browse(await club.begin(liu), member="SKY-1")
    other = await browse(await club.begin(liu, OTHER), member="SKY-1")
    changed = {"another": {**answer, "iss": other["iss"]}, "attacker": {**answer, "iss": "https://evil.example"}}
    mixed = changed.get(issuer, {name: value for name, value in answer.items() if name != "iss"})
    before = [club.simulators[each].counts["token"] for each in (LOUNGE, OTHER)]
    refused = await club.finish(liu, mixed)
    assert (refused.status_code, refused.json()["code"]) == (422, "link_refused")
    assert [club.simulators[each].counts["token"] for each in (LOUNGE, OTHER)] == before
    again = await club.finish(liu, answer)
    assert again.status_code == 422, "one answer, right or wrong, uses the request up"


async def test_a_code_for_another_challenge_is_refused(club: LinkingClub) -> None:
    liu, wang = await club.add_member("liu"), await club.add_member("wang")
    stolen = await browse(await club.begin(liu), member="SKY-1")
    own = await browse(await club.begin(wang), member="SKY-2")
    refused = await club.finish(wang, {**own, "code": stolen["code"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "link_refused")
    assert await accounts(club, wang) == {}


async def test_a_member_who_says_no_has_no_link(club: LinkingClub) -> None:
    liu = await club.add_member("liu")
    refused = await club.finish(liu, await browse(await club.begin(liu), deny="true"))
    assert (refused.status_code, refused.json()["code"]) == (422, "link_refused")
    assert await accounts(club, liu) == {}


async def test_an_account_is_one_members_and_what_a_second_was_granted_is_revoked(club: LinkingClub) -> None:
    liu, wang = await club.add_member("liu"), await club.add_member("wang")
    assert (await club.link(liu, "SKY-1")).status_code == 200
    taken = await club.link(wang, "SKY-1")
    assert (taken.status_code, taken.json()["reason"]) == (409, "account_taken")
    assert [grant.revoked for grant in club.desk().grants.values()] == [False, True]
    assert (await links(club, wang))[LOUNGE]["state"] == "revoked_by_member"
    assert await accounts(club, liu) == {LOUNGE: "SKY-1"}


async def test_a_linked_account_is_not_typed_in(club: LinkingClub) -> None:
    liu = await club.add_member("liu")
    typed = await club.client.put(
        f"/v1/partner-links/{LOUNGE}", json={"account_number": "SKY-9"}, headers=club.member(liu)
    )
    assert (typed.status_code, typed.json()["code"]) == (409, "conflict")
    airline = await club.client.put(
        "/v1/partner-links/skyward-miles", json={"account_number": "8800123456"}, headers=club.member(liu)
    )
    assert airline.status_code == 200
    assert (await links(club, liu))["skyward-miles"]["state"] == "entered"


async def test_unlinking_revokes_at_the_partner_and_forgets_the_account(club: LinkingClub) -> None:
    liu = await club.add_member("liu")
    await club.link(liu, "SKY-1")
    for _ in range(2):
        ended = await club.client.delete(f"/v1/partner-links/{LOUNGE}", headers=club.member(liu))
        assert (ended.status_code, ended.json()["state"]) == (200, "revoked_by_member")
        assert ended.json()["account_number"] is None
    (grant,) = club.desk().grants.values()
    assert grant.revoked
    assert await accounts(club, liu) == {}
    held = await row(club, liu)
    assert (held.access_sealed, held.refresh_sealed, held.revoke_due_at) == (None, None, None)
    assert (await club.link(liu, "SKY-1")).status_code == 200, "and he may link again"


async def test_where_nobody_links_it_is_said(club: LinkingClub) -> None:
    liu = await club.add_member("liu")
    headers = club.member(liu)
    assert (await club.client.post("/v1/partner-links/skyward-miles", headers=headers)).status_code == 422
    assert (await club.client.post("/v1/partner-links/nobody", headers=headers)).status_code == 404
    assert (await club.client.delete(f"/v1/partner-links/{LOUNGE}", headers=headers)).status_code == 404


async def test_a_partner_that_is_out_is_told_of_the_end_later(club: LinkingClub, clock: StandingClock) -> None:
    liu = await club.add_member("liu")
    await club.link(liu, "SKY-1")
    club.simulators[LOUNGE].faults.plan("unlink", "error_500_before", times=1)
    ended = await club.client.delete(f"/v1/partner-links/{LOUNGE}", headers=club.member(liu))
    assert ended.json()["state"] == "revoked_by_member", "the member is not kept waiting"
    assert await accounts(club, liu) == {}
    (grant,) = club.desk().grants.values()
    told = [grant.revoked]
    assert await revoke_due(club.gateway) == 0, "not at once again"
    clock.move(minutes=15)
    await Housekeeper(club.gateway.database, clock, partial(revoke_due, club.gateway)).once()
    assert [*told, grant.revoked] == [False, True]
    assert (await row(club, liu)).refresh_sealed is None


async def test_a_link_says_when_it_ends_and_then_wants_a_new_consent(club: LinkingClub, clock: StandingClock) -> None:
    liu = await club.add_member("liu")
    await club.link(liu, "SKY-1")
    keeper = Housekeeper(club.gateway.database, clock, partial(revoke_due, club.gateway))
    seen = []
    for days in (0, 76, 14):
        clock.move(days=days)
        await keeper.once()
        seen.append((await links(club, liu))[LOUNGE]["state"])
    assert seen == ["active", "expiring", "re_consent"]
    assert (await row(club, liu)).refresh_sealed is None
    assert await accounts(club, liu) == {LOUNGE: "SKY-1"}, "who he is there is not in doubt"
    assert (await club.link(liu, "SKY-1")).json()["state"] == "active"


async def test_a_membership_that_ends_ends_its_links(club: LinkingClub) -> None:
    liu = await club.add_member("liu")
    await club.link(liu, "SKY-1")
    token = club.issuer.mint(subject="crm", client_id="crm", scope="points:adjust")
    closed = await club.client.post(
        f"/v1/members/{liu}/close",
        json={"reason": "asked for it"},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "close-liu"},
    )
    assert closed.status_code == 201, closed.text
    assert (await row(club, liu)).state == "revoked_by_member"
    assert await revoke_due(club.gateway) == 1
    (grant,) = club.desk().grants.values()
    assert grant.revoked


async def test_requests_that_nobody_answered_are_forgotten(club: LinkingClub, clock: StandingClock) -> None:
    liu = await club.add_member("liu")
    await club.begin(liu)
    clock.move(minutes=20)
    await Housekeeper(club.gateway.database, clock, partial(revoke_due, club.gateway)).once()
    count = sa.select(sa.func.count()).select_from(partner_link_requests)
    assert await club.gateway.database.read(lambda connection: connection.execute(count).scalar_one()) == 0


async def test_linking_and_its_loss_are_told_without_personal_data(club: LinkingClub, clock: StandingClock) -> None:
    liu = await club.add_member("liu")
    await club.link(liu, "SKY-1")
    for grant in club.desk().grants.values():
        grant.revoked = True
    clock.move(seconds=601)
    connected = club.gateway.partners[LOUNGE]
    with pytest.raises(AuthenticationError):
        await connected.adapter.read_account(await club.link_id(liu))  # type: ignore[attr-defined]
    assert (await links(club, liu))[LOUNGE]["state"] == "revoked_by_partner"
    assert await accounts(club, liu) == {}
    query = sa.select(outbox.c.type, outbox.c.payload).where(outbox.c.type.like("member.link%"))
    told = await club.gateway.database.read(lambda connection: connection.execute(query).all())
    assert {each.type for each in told} == {"member.linked", "member.link_ended"}
    assert "SKY-1" not in str(told)
