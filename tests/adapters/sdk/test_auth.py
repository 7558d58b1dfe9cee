"""Authenticators: published figures where there are some, and the token's whole life."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from adapters.sdk.auth import (
    ApiKey,
    EanSignature,
    MacRequest,
    ean_header,
    mac_digest,
    mac_ext,
    mac_text,
    make_authenticator,
)
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import Facts, Manifest
from adapters.sdk.oauth2 import OAuth2ClientCredentials
from adapters.sdk.outcomes import Outcome
from config.secrets import Secret
from tests.adapters.sdk.raw_partner import answers, client_of, ok, raw_partner

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
CALL = PartnerCall(operation="reserve", method="POST", path="/v1/things", query=(("a", "1"),), body=b"{}")
UNAUTHENTICATED = answers(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")


async def no_exchange(call: PartnerCall) -> PartnerAnswer | CallFailure:
    raise AssertionError("nothing is fetched")


def token(value: str, seconds: int = 600) -> PartnerAnswer:
    body = b'{"access_token":"%s","token_type":"Bearer","expires_in":%d}' % (value.encode(), seconds)
    return PartnerAnswer(status=200, headers={}, body=body)


class TokenEndpoint:
    """Answers a token per fetch, t1, t2, ..."""

    def __init__(self, *results: PartnerAnswer | CallFailure) -> None:
        self.results = results
        self.fetched: list[PartnerCall] = []

    async def __call__(self, call: PartnerCall) -> PartnerAnswer | CallFailure:
        self.fetched.append(call)
        await asyncio.sleep(0)
        if self.results:
            return self.results[min(len(self.fetched), len(self.results)) - 1]
        return token(f"t{len(self.fetched)}")


def header(result: PartnerCall | CallFailure) -> str:
    assert isinstance(result, PartnerCall)
    return result.headers["Authorization"]


async def test_api_key() -> None:
    signed = await ApiKey(Secret("k1"), header="X-Api-Key").authenticate(CALL, "http://p", NOW, no_exchange)
    assert isinstance(signed, PartnerCall)
    assert signed.headers == {"X-Api-Key": "k1"}


async def test_ean_signature_is_sha512_over_key_secret_and_seconds() -> None:
    # sha512sum of "keysecret1795312800"
    signed = await EanSignature(Secret("key"), Secret("secret")).authenticate(CALL, "http://p", NOW, no_exchange)
    assert header(signed) == ean_header("key", "secret", 1795312800)
    assert header(signed).partition(",signature=")[2] == (
        "3525d679be8730f3d43ee940d258e76fae4104806a0616972c585b1ccf43b4c2"
        "10c478ada47440e9b93dba3d3879038daba463fb67072456233f3ca1234801cf,timestamp=1795312800"
    )


def test_mac_signs_seven_lines() -> None:
    text = mac_text(1795312800, "n1", "post", "/v1/things?a=1", "https://lcp.example.com/v1", "e1")
    assert text == "1795312800\nn1\nPOST\n/v1/things?a=1\nlcp.example.com\n443\ne1\n"
    assert "\n9103\n" in mac_text(1, "n", "GET", "/", "http://127.0.0.1:9103", "")


def test_mac_hashes_content_type_and_body_of_writes_only() -> None:
    assert mac_ext("GET", "application/json", None) == mac_ext("DELETE", "application/json", None) == ""
    # sha256sum of "application/json{}"
    assert (
        mac_ext("POST", "application/json", b"{}") == "bdf4ffaf4a417db61b35aa7a866a6a78d9822c6a9a6598bf27af64c619ac39d3"
    )


def test_mac_keys_are_url_safe_base64_with_or_without_padding() -> None:
    assert mac_digest("-_-_AQ", "x") == mac_digest("-_-_AQ==", "x")


def test_mac_digest_is_hmac_sha256() -> None:
    # RFC 4231, test case 2: key "Jefe", data "what do ya want for nothing?"
    assert mac_digest("SmVmZQ", "what do ya want for nothing?") == "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="


async def test_mac_request_uses_a_new_nonce_each_time() -> None:
    numbers = iter(range(100))
    mac = MacRequest(Secret("id1"), Secret("SmVmZQ"), lambda size: bytes([next(numbers)]) * size)
    first = header(await mac.authenticate(CALL, "https://p.example", NOW, no_exchange))
    second = header(await mac.authenticate(CALL, "https://p.example", NOW, no_exchange))
    assert first.startswith('MAC id="id1", ts="1795312800", nonce="000000000000000000000000", ext="')
    assert 'nonce="010101010101010101010101"' in second


def oauth() -> OAuth2ClientCredentials:
    return OAuth2ClientCredentials(Secret("client:1"), Secret("s%crêt"), token_path="/oauth/token", scope="benefits")


async def test_the_token_is_fetched_once_and_kept() -> None:
    authenticator, endpoint = oauth(), TokenEndpoint()
    for _ in range(3):
        assert header(await authenticator.authenticate(CALL, "http://p", NOW, endpoint)) == "Bearer t1"
    (fetched,) = endpoint.fetched
    assert fetched.body == b"grant_type=client_credentials&scope=benefits"
    # RFC 6749 section 2.3.1: both parts are form-encoded before base64.
    assert fetched.headers["Authorization"] == "Basic Y2xpZW50JTNBMTpzJTI1Y3IlQzMlQUF0"


async def test_fifty_calls_at_once_fetch_one_token() -> None:
    authenticator, endpoint = oauth(), TokenEndpoint()
    await asyncio.gather(*(authenticator.authenticate(CALL, "http://p", NOW, endpoint) for _ in range(50)))
    assert len(endpoint.fetched) == 1


@pytest.mark.parametrize(("seconds", "fetches"), [(569, 1), (570, 2), (571, 2)])
async def test_the_token_is_renewed_30_seconds_before_it_ends(seconds: int, fetches: int) -> None:
    authenticator, endpoint = oauth(), TokenEndpoint()
    await authenticator.authenticate(CALL, "http://p", NOW, endpoint)
    await authenticator.authenticate(CALL, "http://p", NOW + timedelta(seconds=seconds), endpoint)
    assert len(endpoint.fetched) == fetches


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (CallFailure(Outcome.NOT_SENT, "connect"), "connect"),
        (CallFailure(Outcome.UNKNOWN, "lost:x"), "authentication:lost:x"),
        (PartnerAnswer(status=401, headers={}, body=b"{}"), "authentication:status_401"),
        (PartnerAnswer(status=200, headers={}, body=b"<html>"), "authentication:token_answer"),
        (
            PartnerAnswer(status=200, headers={}, body=b'{"access_token":"","token_type":"Bearer"}'),
            "authentication:token_answer",
        ),
        (
            PartnerAnswer(status=200, headers={}, body=b'{"access_token":"t","token_type":"mac"}'),
            "authentication:token_answer",
        ),
        (token("t", 0), "authentication:token_answer"),
    ],
)
async def test_without_a_token_nothing_is_sent(result: PartnerAnswer | CallFailure, reason: str) -> None:
    signed = await oauth().authenticate(CALL, "http://p", NOW, TokenEndpoint(result))
    assert signed == CallFailure(Outcome.NOT_SENT, reason)


TOKEN = ok(b'{"access_token":"t","token_type":"Bearer","expires_in":600}')


async def test_a_401_fetches_one_fresh_token_and_asks_once_more() -> None:
    behaviours = TOKEN, UNAUTHENTICATED, TOKEN, ok()
    async with raw_partner(*behaviours) as partner, client_of(partner.base_url, authenticator=oauth()) as client:
        answer = await client.call(CALL)
    assert isinstance(answer, PartnerAnswer)
    assert answer.status == 200
    assert [request.split(b" ")[1] for request in partner.requests] == [b"/oauth/token", b"/v1/things?a=1"] * 2


async def test_a_second_401_is_the_answer() -> None:
    behaviours = TOKEN, UNAUTHENTICATED, TOKEN, UNAUTHENTICATED
    async with raw_partner(*behaviours) as partner, client_of(partner.base_url, authenticator=oauth()) as client:
        answer = await client.call(CALL)
    assert isinstance(answer, PartnerAnswer)
    assert (answer.status, len(partner.requests)) == (401, 4)


def manifest(auth: str, **settings: str) -> Manifest:
    return Manifest("x", "X", "any", 1, (), auth, {}, Facts(), auth_settings=settings)


ALL = {name: Secret("v") for name in ("api_key", "client_id", "client_secret", "shared_secret", "mac_id", "mac_key")}


@pytest.mark.parametrize(
    ("auth", "kind"),
    [
        ("api_key", ApiKey),
        ("oauth2_client_credentials", OAuth2ClientCredentials),
        ("ean_signature", EanSignature),
        ("mac", MacRequest),
    ],
)
def test_the_manifest_names_the_scheme(auth: str, kind: type) -> None:
    assert type(make_authenticator(manifest(auth), ALL)) is kind
    with pytest.raises(ManifestError, match="is missing"):
        make_authenticator(manifest(auth), {})


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ManifestError, match="not a scheme"):
        make_authenticator(manifest("carrier_pigeon"), ALL)


def test_credentials_do_not_show() -> None:
    shown = repr(vars(oauth())) + repr(vars(ApiKey(Secret("hidden-key"))))
    assert "hidden-key" not in shown
    assert "Y2xpZW50" not in shown
    assert msgspec.json.encode(manifest("mac"))
