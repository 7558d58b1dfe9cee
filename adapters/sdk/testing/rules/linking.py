"""The rule about linked members: each link is its member's, is renewed, and is over when it is over."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from adapters.sdk.errors import PartnerError, RejectedError
from adapters.sdk.link_tokens import LinkTokens
from adapters.sdk.linking import LinkAnswer, Linking
from adapters.sdk.testing.bench import Bench
from adapters.sdk.testing.rules.rule import NotRunError, RuleBrokenError, require

REDIRECT_URL = "https://club.example/v1/partner-links/callback"
MEMBERS = ("kit-member-1", "kit-member-2")


async def link_is_the_members(bench: Bench) -> None:
    """Two members link, are told apart, stay linked through a renewal, and are strangers once they have unlinked."""
    for name in MEMBERS:
        bench.vault.put(name, await link_member(bench, name))
    accounts = {name: await _account(bench, name) for name in MEMBERS}
    require(all(accounts.values()), "a linked member has no account number")
    require(len(set(accounts.values())) == len(MEMBERS), "two members have one account")
    await _renewed(bench, MEMBERS[0], accounts[MEMBERS[0]])
    await _unlinked(bench, MEMBERS[0])
    require(await _account(bench, MEMBERS[1]) == accounts[MEMBERS[1]], "one member's unlinking changed another's link")


async def link_member(bench: Bench, name: str) -> LinkTokens:
    """Walk the whole way for a member, with a verifier that is not his first."""
    linking, verifier = _linking(bench), secrets.token_urlsafe(32)
    wrong = await _code(bench, linking, name, verifier)
    await _refused(linking, wrong, secrets.token_urlsafe(32), "a code was taken with another verifier")
    code = await _code(bench, linking, name, verifier)
    tokens = await linking.redeem(code=code, verifier=verifier, redirect_url=REDIRECT_URL)
    require(tokens.refresh_token is not None, "no refresh token came, so that the link could not last")
    return tokens


async def _code(bench: Bench, linking: Linking, name: str, verifier: str) -> str:
    authorise, state = bench.subject.authorise, secrets.token_urlsafe(16)
    if authorise is None:
        raise NotRunError("conformance.py gives no authorise, which answers for a member at the simulator")
    url = linking.authorization_url(state=state, verifier=verifier, redirect_url=REDIRECT_URL)
    place = await authorise(bench.simulator, url, name)
    require(place.startswith(REDIRECT_URL), "the partner sends the member elsewhere than was asked")
    told = {key: values[0] for key, values in parse_qs(urlsplit(place).query).items()}
    require(told.get("state") == state, "the state does not come back as it was sent")
    return linking.judge(LinkAnswer(code=told.get("code"), error=told.get("error"), iss=told.get("iss")))


async def _refused(linking: Linking, code: str, verifier: str, otherwise: str) -> None:
    try:
        await linking.redeem(code=code, verifier=verifier, redirect_url=REDIRECT_URL)
    except RejectedError:
        return
    raise RuleBrokenError(otherwise)


async def _account(bench: Bench, link: str) -> str:
    before = len(bench.client.overheard)
    found: Any = await bench.adapter.read_account(link)
    named = {each.call.link for each in bench.client.overheard[before:]}
    require(named == {link}, "read_account made no call in the name of the link it was asked about")
    return str(found.account_number)


async def _renewed(bench: Bench, link: str, account: str) -> None:
    """Let the access token end, and see the link go on with the next one."""
    held = bench.vault.held[link]
    ended = msgspec.structs.replace(held.tokens, access_ends_at=bench.clock.now() - timedelta(seconds=1))
    bench.vault.held[link] = msgspec.structs.replace(held, tokens=ended)
    require(await _account(bench, link) == account, "after a renewal the link is another account's")
    require(bench.vault.held[link].generation == held.generation + 1, "the token was not renewed once")


async def _unlinked(bench: Bench, link: str) -> None:
    token = bench.vault.held[link].tokens.refresh_token
    require(token is not None and await _linking(bench).revoke(token), "the partner does not revoke the link")
    try:
        await bench.adapter.read_account(link)
    except PartnerError:
        return
    raise RuleBrokenError("an account was read over a link that was revoked")


def _linking(bench: Bench) -> Linking:
    if bench.linking is None:
        raise RuleBrokenError("links_accounts is declared and the manifest has no [linking]")
    return bench.linking
