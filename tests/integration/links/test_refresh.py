"""Refreshing over a database: once for everybody, kept before it is used, and what a crash in between leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from adapters.sdk.calls import CallFailure, Exchange, PartnerAnswer, PartnerCall
from adapters.sdk.errors import AuthenticationError
from adapters.sdk.link_authenticator import LinkAuthenticator
from adapters.sdk.link_tokens import HeldTokens, LinkTokens
from adapters.sdk.outcomes import Outcome
from config.secrets import Secret
from config.settings import FolderSettings
from gateway.links import store
from gateway.links.tables import partner_links
from gateway.services.partner_links import revoke_due
from gateway.wiring import Gateway, open_gateway
from tests.api.conftest import StandingClock, settings_for
from tests.support.linking import LOUNGE, LinkingClub, configuration, linking_club

ENDED = 601
"""Seconds after which the simulator's access token has ended."""


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
async def club(database_url: str, tmp_path: Path, clock: StandingClock) -> AsyncIterator[LinkingClub]:
    settings = settings_for(database_url, tmp_path)
    folders = FolderSettings(configuration=configuration(tmp_path / "config"), data=tmp_path)
    async with linking_club(msgspec.structs.replace(settings, folders=folders), clock) as club:
        yield club


@pytest.fixture
async def another(club: LinkingClub, clock: StandingClock) -> AsyncIterator[Callable[[], Awaitable[Gateway]]]:
    """Open further gateways over the same database, as other processes would be."""
    async with AsyncExitStack() as closing:

        async def make() -> Gateway:
            gateway = await open_gateway(club.gateway.settings, clock, environ={})
            closing.push_async_callback(gateway.close)
            return gateway

        yield make


def account_of(gateway: Gateway, link: str) -> Awaitable[Any]:
    adapter: Any = gateway.partners[LOUNGE].adapter
    found: Awaitable[Any] = adapter.read_account(link)
    return found


async def linked(club: LinkingClub) -> str:
    liu = await club.add_member("liu")
    assert (await club.link(liu, "SKY-1")).status_code == 200
    return await club.link_id(liu)


def authenticator(gateway: Gateway) -> LinkAuthenticator:
    client = gateway.partners[LOUNGE].client
    assert client is not None
    assert client.links is not None
    return client.links


def slow(gateway: Gateway, seconds: float = 0.5) -> None:
    """Let the partner's answers to refreshes take a while to arrive."""
    links = authenticator(gateway)
    asked = links._asked

    async def late(refresh_token: Secret, exchange: Exchange) -> PartnerAnswer | CallFailure:
        answer = await asked(refresh_token, exchange)
        await asyncio.sleep(seconds)
        return answer

    links._asked = late  # type: ignore[method-assign]


async def row(club: LinkingClub) -> Any:
    return await club.gateway.database.read(lambda connection: connection.execute(sa.select(partner_links)).one())


async def test_many_calls_of_many_processes_refresh_once(
    club: LinkingClub, another: Callable[[], Awaitable[Gateway]], clock: StandingClock
) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    gateways = [club.gateway, await another(), await another()]
    for gateway in gateways:
        slow(gateway, 0.3)
    found = await asyncio.gather(*(account_of(gateway, link) for gateway in gateways * 5))
    assert {each.account_number for each in found} == {"SKY-1"}
    assert club.desk().refreshes == 1
    assert club.simulators[LOUNGE].counts["token"] == 2, "the code, and one refresh"
    assert (await row(club)).generation == 2


async def test_while_the_token_lasts_nothing_is_refreshed(club: LinkingClub, clock: StandingClock) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED - 40)
    await account_of(club.gateway, link)
    assert club.desk().refreshes == 0
    clock.move(seconds=20)
    await account_of(club.gateway, link)
    assert club.desk().refreshes == 1, "within its last half minute it is renewed"


async def test_oa_18_an_access_token_that_the_partner_refuses_is_renewed_once(club: LinkingClub) -> None:
    link = await linked(club)
    (grant,) = club.desk().grants.values()
    grant.access.clear()
    found = await asyncio.gather(*(account_of(club.gateway, link) for _ in range(5)))
    assert {each.account_number for each in found} == {"SKY-1"}
    assert club.desk().refreshes == 1


async def test_the_new_token_is_on_disk_before_it_is_used(club: LinkingClub, clock: StandingClock) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    links = authenticator(club.gateway)
    order: list[str] = []
    replace, seen = links._vault.replace, club.desk().member

    async def noted(link: str, generation: int, tokens: LinkTokens) -> bool:
        kept = await replace(link, generation, tokens)
        order.append("kept")
        return kept

    def used(authorization: str) -> Any:
        order.append("used")
        return seen(authorization)

    links._vault.replace = noted  # type: ignore[method-assign]
    club.desk().member = used  # type: ignore[method-assign]
    await account_of(club.gateway, link)
    assert order == ["kept", "used"]


async def test_killed_between_keeping_and_using_the_next_process_uses_it(
    club: LinkingClub, another: Callable[[], Awaitable[Gateway]], clock: StandingClock
) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    club.simulators[LOUNGE].faults.plan("read_account", "reset", times=1)
    with pytest.raises(Exception, match="lost"):
        await account_of(club.gateway, link)
    assert (await row(club)).generation == 2
    assert (await account_of(await another(), link)).account_number == "SKY-1"
    assert club.desk().refreshes == 1


async def crash_before_keeping(club: LinkingClub, link: str) -> None:
    """Let a process die when the partner has answered and nothing is kept: its lease lies there, its token is spent."""
    links = authenticator(club.gateway)
    vault = links._vault

    async def dies(link: str, generation: int, tokens: LinkTokens) -> bool:
        raise asyncio.CancelledError

    replace, vault.replace = vault.replace, dies  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await account_of(club.gateway, link)
    vault.replace = replace  # type: ignore[method-assign]


async def lapse(club: LinkingClub) -> None:
    """Let the lease of a process that died lapse; it is judged by the database's clock, which nobody moves."""
    past = "UPDATE leases SET expires_at = '2020-01-01 00:00:00.000000'"
    await club.gateway.database.write(lambda connection: connection.exec_driver_sql(past))


async def test_oa_11_killed_before_keeping_a_partner_that_repeats_its_answer_loses_nothing(
    club: LinkingClub, another: Callable[[], Awaitable[Gateway]], clock: StandingClock
) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    await crash_before_keeping(club, link)
    assert ((await row(club)).generation, (await row(club)).refresh_attempts) == (1, 1)
    await lapse(club)
    clock.move(seconds=30)
    assert (await account_of(await another(), link)).account_number == "SKY-1"
    assert ((await row(club)).generation, (await row(club)).refresh_attempts) == (2, 0)
    assert club.desk().refreshes == 1, "the second was the first's answer again"


async def test_oa_11_killed_before_keeping_a_partner_that_takes_it_for_theft_leaves_the_consent_to_renew(
    club: LinkingClub, another: Callable[[], Awaitable[Gateway]], clock: StandingClock
) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    await crash_before_keeping(club, link)
    await lapse(club)
    clock.move(seconds=61)
    with pytest.raises(AuthenticationError):
        await account_of(await another(), link)
    assert (await row(club)).state == "re_consent", "nobody took anything back"
    (grant,) = club.desk().grants.values()
    assert grant.revoked


async def test_a_lease_of_the_living_is_waited_for_and_not_broken(
    club: LinkingClub, another: Callable[[], Awaitable[Gateway]], clock: StandingClock
) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    await crash_before_keeping(club, link)
    other = await another()
    links = authenticator(other)
    links._deadline = 0.0
    with pytest.raises(AuthenticationError) as refused:
        await account_of(other, link)
    assert refused.value.facts["reason"] == "authentication:refresh_under_way"
    assert club.simulators[LOUNGE].counts["token"] == 2


async def test_a_refusal_is_compared_with_what_another_kept_meanwhile(
    club: LinkingClub, another: Callable[[], Awaitable[Gateway]], clock: StandingClock
) -> None:
    """A process that slept through its lease is told invalid_grant; the link is alive all the same."""
    link = await linked(club)
    clock.move(seconds=ENDED)
    other = await another()
    links = authenticator(club.gateway)
    held = await links._vault.read(link)
    assert isinstance(held, HeldTokens)
    await account_of(other, link)

    async def refuses(call: PartnerCall) -> PartnerAnswer | CallFailure:
        return PartnerAnswer(status=400, headers={}, body=b'{"error":"invalid_grant"}')

    found = await links._exchanged(link, held, "slept", refuses)
    assert isinstance(found, LinkTokens)
    assert (await row(club)).state == "active"


async def test_a_link_that_the_member_took_back_at_the_partner_is_over(club: LinkingClub, clock: StandingClock) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    for grant in club.desk().grants.values():
        grant.revoked = True
    for _ in range(2):
        with pytest.raises(AuthenticationError):
            await account_of(club.gateway, link)
    held = await row(club)
    assert (held.state, held.access_sealed, held.refresh_sealed) == ("revoked_by_partner", None, None)
    assert club.simulators[LOUNGE].counts["token"] == 2, "what is dead is not asked again"


@pytest.mark.parametrize("mode", ["error_500_before", "html_200", "reset", "busy_503"])
async def test_a_token_endpoint_in_trouble_ends_no_link(club: LinkingClub, clock: StandingClock, mode: str) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    club.simulators[LOUNGE].faults.plan("token", mode, times=1)
    with pytest.raises(AuthenticationError):
        await account_of(club.gateway, link)
    assert (await row(club)).state == "active"
    assert (await account_of(club.gateway, link)).account_number == "SKY-1"


async def test_a_token_that_still_holds_is_used_while_it_cannot_be_renewed(
    club: LinkingClub, clock: StandingClock
) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED - 20)
    club.simulators[LOUNGE].faults.plan("token", "error_500_before", times=1)
    assert (await account_of(club.gateway, link)).account_number == "SKY-1"


async def test_who_asked_may_give_up_and_the_answer_is_kept(club: LinkingClub, clock: StandingClock) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    slow(club.gateway)
    asking = asyncio.ensure_future(account_of(club.gateway, link))
    await asyncio.sleep(0.2)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await authenticator(club.gateway).settle()
    assert (await row(club)).generation == 2


async def test_unlinked_while_a_refresh_is_under_way_what_comes_is_revoked(
    club: LinkingClub, clock: StandingClock
) -> None:
    link = await linked(club)
    clock.move(seconds=ENDED)
    (grant,) = club.desk().grants.values()
    slow(club.gateway)
    club.simulators[LOUNGE].faults.plan("unlink", "error_500_before", times=1)
    asking = asyncio.ensure_future(account_of(club.gateway, link))
    await asyncio.sleep(0.2)
    liu = (await row(club)).member_id
    ended = await club.client.delete(f"/v1/partner-links/{LOUNGE}", headers=club.member(liu))
    assert ended.json()["state"] == "revoked_by_member"
    with pytest.raises(AuthenticationError):
        await asking
    held = await row(club)
    assert (held.state, held.access_sealed, held.generation) == ("revoked_by_member", None, 2)
    read = partial(store.read_refresh, sealer=club.gateway.sealer, link_id=link)
    assert await club.gateway.database.read(read) == (2, Secret(grant.refresh)), "what came is what is revoked"
    clock.move(minutes=15)
    await revoke_due(club.gateway)
    assert grant.revoked
    assert (await row(club)).refresh_sealed is None


async def test_without_a_link_nothing_is_called(club: LinkingClub) -> None:
    client = club.gateway.partners[LOUNGE].client
    assert client is not None
    call = PartnerCall(operation="read_account", method="GET", path="/v1/members/me", link="lnk_nobody")
    assert await client.call(call) == CallFailure(Outcome.NOT_SENT, "authentication:link_not_active")
    assert club.simulators[LOUNGE].counts["read_account"] == 0
