"""How a client proves itself: Basic in every call, and assertions that it signs for the token endpoint."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from joserfc import jwk, jwt

from adapters.sdk.auth import MAKERS, Basic, NoAuthentication, make_authenticator
from adapters.sdk.auth_schemes import CREDENTIALS
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import Facts, Manifest
from adapters.sdk.oauth2 import ASSERTION_SECONDS, ASSERTION_TYPE, PrivateKeyJwt
from config.secrets import Secret
from tests.adapters.sdk.test_auth import CALL, NOW, TokenEndpoint, header, no_exchange

BASE = "https://partner.test/api"
Key = jwk.RSAKey | jwk.ECKey | jwk.OKPKey
KEYS: dict[str, Key] = {
    "RS256": jwk.RSAKey.generate_key(2048),
    "ES256": jwk.ECKey.generate_key("P-256"),
    "Ed25519": jwk.OKPKey.generate_key("Ed25519"),
}


def client(key: Key, audience: str = "", key_id: str = "") -> PrivateKeyJwt:
    pem = Secret(key.as_pem(private=True).decode("ascii"))
    return PrivateKeyJwt(Secret("club"), pem, token_path="/token", scope="book", audience=audience, key_id=key_id)


def form_of(call: PartnerCall) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs((call.body or b"").decode()).items()}


@pytest.mark.parametrize(
    ("username", "password", "expected"),
    [("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("test", "123\u00a3", "Basic dGVzdDoxMjPCow==")],
    ids=["RFC 7617, section 2", "RFC 7617, section 2.1"],
)
async def test_basic_is_as_published(username: str, password: str, expected: str) -> None:
    signed = await Basic(Secret(username), Secret(password)).authenticate(CALL, BASE, NOW, no_exchange)
    assert header(signed) == expected


def test_a_name_with_a_colon_is_refused() -> None:
    with pytest.raises(ManifestError, match="colon"):
        Basic(Secret("a:b"), Secret("c"))


@pytest.mark.parametrize("algorithm", KEYS)
async def test_an_assertion_is_signed_for_the_token_endpoint_alone_and_for_a_minute(algorithm: str) -> None:
    endpoint = TokenEndpoint()
    signed = await client(KEYS[algorithm], key_id="k1").authenticate(CALL, BASE, NOW, endpoint)
    assert header(signed) == "Bearer t1"
    (fetched,) = endpoint.fetched
    form = form_of(fetched)
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "book")
    assert form["client_assertion_type"] == ASSERTION_TYPE
    token = jwt.decode(form["client_assertion"], KEYS[algorithm], algorithms=[algorithm])
    assert (token.header["alg"], token.header["kid"]) == (algorithm, "k1")
    assert {name: token.claims[name] for name in ("iss", "sub", "aud")} == {
        "iss": "club",
        "sub": "club",
        "aud": f"{BASE}/token",
    }
    assert token.claims["exp"] - token.claims["iat"] == ASSERTION_SECONDS
    assert token.claims["iat"] == int(NOW.timestamp())


async def test_no_assertion_is_used_twice_and_the_partner_s_audience_counts() -> None:
    endpoint, proving = TokenEndpoint(), client(KEYS["ES256"], audience="https://issuer.test")
    await proving.authenticate(CALL, BASE, NOW, endpoint)
    assert proving.refused(PartnerAnswer(status=401, headers={}, body=b""))
    await proving.authenticate(CALL, BASE, NOW, endpoint)
    tokens = [
        jwt.decode(form_of(one)["client_assertion"], KEYS["ES256"], algorithms=["ES256"]) for one in endpoint.fetched
    ]
    assert [token.claims["aud"] for token in tokens] == ["https://issuer.test"] * 2
    assert len({token.claims["jti"] for token in tokens}) == 2


async def test_a_token_that_lasts_is_not_fetched_again() -> None:
    endpoint, proving = TokenEndpoint(), client(KEYS["ES256"])
    for seconds in (0, 60, 500):
        await proving.authenticate(CALL, BASE, NOW + timedelta(seconds=seconds), endpoint)
    assert len(endpoint.fetched) == 1
    await proving.authenticate(CALL, BASE, NOW + timedelta(seconds=580), endpoint)
    assert len(endpoint.fetched) == 2


async def test_what_the_key_signs_shows_no_key() -> None:
    endpoint, proving = TokenEndpoint(), client(KEYS["RS256"])
    signed = await proving.authenticate(CALL, BASE, NOW, endpoint)
    assert not isinstance(signed, CallFailure)
    pem = KEYS["RS256"].as_pem(private=True).decode("ascii")
    assert "PRIVATE" not in repr(proving)
    assert not any(line in repr(endpoint.fetched) for line in pem.splitlines()[1:])


@pytest.mark.parametrize("pem", ["no key", KEYS["ES256"].as_pem(private=False).decode("ascii")])
def test_what_is_no_private_key_is_refused_without_being_shown(pem: str) -> None:
    with pytest.raises(ManifestError, match="private_key") as refused:
        PrivateKeyJwt(Secret("club"), Secret(pem), token_path="/token")
    assert pem not in str(refused.value)


@pytest.mark.parametrize("scheme", CREDENTIALS)
def test_every_scheme_has_a_maker_that_asks_for_its_credentials(scheme: str) -> None:
    assert MAKERS.keys() == CREDENTIALS.keys()
    manifest = Manifest(
        name="x", title="x", segment="any", api_version=1, capabilities=(), auth=scheme, credentials={}, facts=Facts()
    )
    if not CREDENTIALS[scheme]:
        assert isinstance(make_authenticator(manifest, {}), NoAuthentication)
        return
    with pytest.raises(ManifestError, match="is missing"):
        make_authenticator(manifest, {})
