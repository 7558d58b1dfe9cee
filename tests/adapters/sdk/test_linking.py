"""Linking by itself: the address, the answer, the exchange, and calls in a member's name over a vault in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from adapters.sdk.auth import make_authenticator
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.errors import ManifestError, ProtocolError, RejectedError
from adapters.sdk.link_tokens import LinkTokens, read_tokens
from adapters.sdk.linking import LinkAnswer, LinkingPlace, challenge, open_linking
from adapters.sdk.manifest import Facts, Limits, LinkingFacts, Manifest
from adapters.sdk.outcomes import Outcome
from adapters.sdk.testing.memory_vault import MemoryVault
from config.clock import SystemClock
from config.errors import UnavailableError
from config.secrets import Secret

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
CREDENTIALS = {"client_id": Secret("club"), "client_secret": Secret("a&secret")}
MEMBER = PartnerCall(operation="read_account", method="GET", path="/me", link="lnk_1")


def manifest(auth: str = "none", **linking: Any) -> Manifest:
    return Manifest(
        name="some",
        title="Some",
        segment="any",
        api_version=1,
        capabilities=(),
        auth=auth,
        credentials={},
        facts=Facts(),
        limits=Limits(deadline_seconds=2),
        linking=LinkingFacts(**linking),
    )


class Partner:
    """Answers every exchange from a list, and keeps what was asked."""

    def __init__(self, *answers: PartnerAnswer | CallFailure) -> None:
        self.answers = list(answers)
        self.asked: list[PartnerCall] = []

    async def exchange(self, call: PartnerCall) -> PartnerAnswer | CallFailure:
        self.asked.append(call)
        return self.answers.pop(0)


@asynccontextmanager
async def opened(
    partner: Partner, given: Manifest | None = None, place: LinkingPlace | None = None
) -> AsyncIterator[tuple[PartnerClient, Any, MemoryVault]]:
    given = given or manifest()
    clock = SystemClock()
    client = PartnerClient(
        base_url="https://partner.example/api",
        limits=given.limits,
        clock=clock,
        authenticator=make_authenticator(given, CREDENTIALS),
    )
    client._exchange = partner.exchange  # type: ignore[method-assign]
    vault = MemoryVault(clock)
    yield client, open_linking(client, given, CREDENTIALS, clock, vault, place), vault
    await client.aclose()


def answered(body: bytes, status: int = 200) -> PartnerAnswer:
    return PartnerAnswer(status=status, headers={}, body=body)


def tokens(access: str = "a1", refresh: str | None = "r1", seconds: int = 600) -> LinkTokens:
    return LinkTokens(
        access_token=Secret(access),
        access_ends_at=SystemClock().now() + timedelta(seconds=seconds),
        refresh_token=Secret(refresh) if refresh else None,
    )


def test_oa_01_the_challenge_is_the_published_one() -> None:
    # RFC 7636, appendix B
    made = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert made == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_the_address_holds_the_challenge_and_never_the_verifier() -> None:
    asked = {"state": "s 1", "verifier": "v" * 43, "redirect_url": "https://club.example/back?x=1"}
    async with opened(Partner(), manifest(scope="a b")) as (_, linking, _vault):
        parts = urlsplit(linking.authorization_url(**asked))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://partner.example/api/oauth/authorize"
    assert query == {
        "response_type": "code",
        "client_id": "club",
        "redirect_uri": "https://club.example/back?x=1",
        "state": "s 1",
        "code_challenge": challenge("v" * 43),
        "code_challenge_method": "S256",
        "scope": "a b",
    }
    place = LinkingPlace(authorization_url="https://login.example/go?brand=club", issuer="https://login.example")
    async with opened(Partner(), place=place) as (_, linking, _vault):
        assert linking.authorization_url(**asked).startswith("https://login.example/go?brand=club&response_type=code")
        assert linking.judge(LinkAnswer(code="c", iss="https://login.example")) == "c"


@pytest.mark.parametrize(
    ("answer", "sends_issuer", "refusal"),
    [
        (LinkAnswer(code="c", iss="https://partner.example/api"), True, None),
        (LinkAnswer(code="c", iss="https://partner.example/api"), False, None),
        (LinkAnswer(code="c"), False, None),
        (LinkAnswer(code="c"), True, ProtocolError),
        (LinkAnswer(code="c", iss=""), True, ProtocolError),
        (LinkAnswer(code="c", iss="https://partner.example/api/"), True, ProtocolError),
        (LinkAnswer(code="c", iss="https://evil.example"), False, ProtocolError),
        (LinkAnswer(error="access_denied", iss="https://evil.example"), True, ProtocolError),
        (LinkAnswer(error="access_denied", iss="https://partner.example/api"), True, RejectedError),
        (LinkAnswer(code="c", error="access_denied", iss="https://partner.example/api"), True, RejectedError),
        (LinkAnswer(code="", iss="https://partner.example/api"), True, RejectedError),
    ],
)
async def test_oa_08_who_answered_is_checked_first(
    answer: LinkAnswer, sends_issuer: bool, refusal: type[Exception] | None
) -> None:
    partner = Partner()
    async with opened(partner, manifest(sends_issuer=sends_issuer)) as (_, linking, _vault):
        if refusal is None:
            assert linking.judge(answer) == "c"
        else:
            with pytest.raises(refusal):
                linking.judge(answer)
    assert partner.asked == []


@pytest.mark.parametrize("way", ["basic", "body"])
async def test_the_exchange_proves_client_and_verifier(way: str) -> None:
    partner = Partner(answered(b'{"access_token":"a","token_type":"bearer","refresh_token":"r","expires_in":60}'))
    async with opened(partner, manifest(client_authentication=way)) as (_, linking, _vault):
        found = await linking.redeem(code="c&1", verifier="v1", redirect_url="https://club.example/back")
    (asked,) = partner.asked
    form = parse_qs((asked.body or b"").decode())
    proof = {"client_id": ["club"], "client_secret": ["a&secret"]} if way == "body" else {}
    assert form == proof | {
        "grant_type": ["authorization_code"],
        "code": ["c&1"],
        "redirect_uri": ["https://club.example/back"],
        "code_verifier": ["v1"],
    }
    assert ("Authorization" in asked.headers) is (way == "basic")
    assert (found.access_token.reveal(), found.refresh_token.reveal()) == ("a", "r")
    assert "secret" not in repr(found).replace("[secret]", "")


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (answered(b'{"error":"invalid_grant"}', 400), RejectedError),
        (answered(b'{"error":"invalid_request"}', 400), ProtocolError),
        (answered(b"<html>", 200), ProtocolError),
        (answered(b'{"access_token":"a","token_type":"mac"}'), ProtocolError),
        (answered(b'{"access_token":"","token_type":"bearer"}'), ProtocolError),
        (answered(b"{}", 500), ProtocolError),
        (CallFailure(Outcome.UNKNOWN, "deadline"), ProtocolError),
    ],
)
async def test_a_code_that_gives_no_tokens_is_an_error(answer: Any, refusal: type[Exception]) -> None:
    async with opened(Partner(answer)) as (_, linking, _vault):
        with pytest.raises(refusal):
            await linking.redeem(code="c", verifier="v", redirect_url="https://club.example/back")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answered(b""), True),
        (answered(b'{"error":"invalid_grant"}', 400), True),
        (answered(b'{"error":"unsupported_token_type"}', 400), False),
        (answered(b"", 503), False),
        (CallFailure(Outcome.UNKNOWN, "deadline"), False),
    ],
)
async def test_revoking_says_whether_the_partner_was_told(answer: Any, told: bool) -> None:
    partner = Partner(answer)
    async with opened(partner) as (_, linking, _vault):
        assert await linking.revoke(Secret("r1")) is told
    assert partner.asked[0].body == b"token=r1&token_type_hint=refresh_token"


async def test_a_partner_that_cannot_revoke_is_not_asked() -> None:
    partner = Partner()
    async with opened(partner, manifest(revocation_path="")) as (_, linking, _vault):
        assert await linking.revoke(Secret("r1"))
    assert partner.asked == []


async def test_a_call_with_a_link_carries_the_members_token() -> None:
    partner = Partner(answered(b"{}"))
    async with opened(partner) as (client, _, vault):
        vault.put("lnk_1", tokens())
        await client.call(MEMBER)
    assert partner.asked[0].headers["Authorization"] == "Bearer a1"


async def test_oa_18_refused_twice_the_answer_stands_and_one_refresh_was_made() -> None:
    refused = answered(b"", 401)
    renewed = answered(b'{"access_token":"a2","token_type":"bearer","expires_in":600}')
    partner = Partner(refused, renewed, refused)
    async with opened(partner) as (client, _, vault):
        vault.put("lnk_1", tokens())
        assert await client.call(MEMBER) == refused
        assert [each.operation for each in partner.asked] == ["read_account", "refresh", "read_account"]
        kept = vault.held["lnk_1"].tokens.refresh_token
    assert kept is not None
    assert kept.reveal() == "r1", "a partner that does not rotate leaves it out of its answer"


async def test_without_a_refresh_token_a_link_ends_with_its_access_token() -> None:
    async with opened(Partner()) as (client, _, vault):
        vault.put("lnk_1", tokens(refresh=None, seconds=-1))
        assert await client.call(MEMBER) == CallFailure(Outcome.NOT_SENT, "authentication:link_ended")
        assert vault.dead == {"lnk_1"}


async def test_where_every_call_is_a_members_one_without_a_link_is_not_sent() -> None:
    partner = Partner(answered(b"{}"))
    async with opened(partner, manifest("oauth2_authorization_code")) as (client, _, vault):
        vault.put("lnk_1", tokens())
        nobodys = msgspec.structs.replace(MEMBER, link=None)
        assert await client.call(nobodys) == CallFailure(Outcome.NOT_SENT, "authentication:no_link")
        assert isinstance(await client.call(MEMBER), PartnerAnswer)


async def test_without_a_vault_nothing_is_sent_in_a_members_name() -> None:
    client = PartnerClient(base_url="http://127.0.0.1:1", limits=Limits(), clock=SystemClock())
    assert await client.call(MEMBER) == CallFailure(Outcome.NOT_SENT, "authentication:no_vault")


def test_linking_needs_its_section_and_its_credentials() -> None:
    client = PartnerClient(base_url="http://127.0.0.1:1", limits=Limits(), clock=SystemClock())
    vault = MemoryVault(SystemClock())
    for given, credentials in (
        (msgspec.structs.replace(manifest(), linking=None), CREDENTIALS),
        (manifest(), {"client_id": Secret("club")}),
    ):
        with pytest.raises(ManifestError, match=r"\[linking\]"):
            open_linking(client, given, credentials, SystemClock(), vault)


def test_lives_are_counted_from_the_question_and_capped() -> None:
    body = b'{"access_token":"a","token_type":"Bearer","expires_in":%d,"refresh_expires_in":%d}'
    found = read_tokens(body % (60, 120), NOW)
    assert found.access_ends_at == NOW + timedelta(seconds=60)
    assert found.link_ends_at == NOW + timedelta(seconds=120)
    assert read_tokens(body % (10**12, 10**12), NOW).access_ends_at == NOW + timedelta(days=1)


async def test_a_vault_that_is_out_leaves_the_call_unsent() -> None:
    async def out(link: str) -> None:
        raise UnavailableError("The database is away.")

    async with opened(Partner()) as (client, _, vault):
        vault.read = out  # type: ignore[method-assign]
        assert await client.call(MEMBER) == CallFailure(Outcome.NOT_SENT, "authentication:vault")
