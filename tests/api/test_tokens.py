"""Access tokens: what is refused, and that every refusal looks alike. Ids are those of our fault list (JW rows)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings
from collections.abc import Container
from functools import partial
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from config.errors import ConfigurationError, UnavailableError
from gateway.cli.deny import read
from gateway.errors import UnauthenticatedError
from gateway.oauth import denials
from gateway.oauth.keys import REFRESH_SECONDS, STALE_SECONDS, RemoteKeys, read_key_set
from gateway.oauth.verifier import JwksVerifier
from tests.api.conftest import NOON, Stack, StandingClock

MEMBER = "mbr_01jd3q5v8k4m6n7p8q9r0s1t2v"
NOW = int(NOON.timestamp())
KEY = ECKey.generate_key("P-256")
KID = "key-1"
GOOD: dict[str, Any] = {
    "iss": "https://issuer.example",
    "aud": "partner-benefits-gateway",
    "sub": MEMBER,
    "client_id": "member-app",
    "scope": "profile:read",
    "iat": NOW,
    "exp": NOW + 600,
    "jti": "1",
}
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": KID}


def key_set(*keys: tuple[str, Any]) -> bytes:
    """Make a JWKS document of public keys."""
    return json.dumps(
        {"keys": [{**key.as_dict(private=False), "kid": kid, "use": "sig"} for kid, key in keys]}
    ).encode()


class Source:
    """An issuer's key set, counted."""

    def __init__(self, document: bytes) -> None:
        self.document: bytes | None = document
        self.asked = 0

    async def __call__(self) -> bytes:
        self.asked += 1
        if self.document is None:
            raise UnavailableError("down")
        return self.document


def _unsigned(claims: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "ES256"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"x"))


def verifier(source: Source, clock: StandingClock, denied: Container[str] = frozenset()) -> JwksVerifier:
    return JwksVerifier(
        issuer="https://issuer.example",
        audience="partner-benefits-gateway",
        keys=RemoteKeys(source, clock),
        clock=clock,
        skew_seconds=60,
        partner_of={"desk": "skyhub-lounge"},
        denied=denied,
    )


def signed(claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = KEY) -> str:
    head = header or HEADER
    return jwt.encode(head, claims, key, [str(head["alg"])], default_type=None)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def assert_refused(token: str, source: Source | None = None) -> None:
    source = source or Source(key_set((KID, KEY)))
    with pytest.raises(UnauthenticatedError) as refusal:
        await verifier(source, StandingClock()).verify(token)
    assert str(refusal.value) == "The access token is missing or not accepted."


async def test_a_good_token_is_a_principal() -> None:
    principal = await verifier(Source(key_set((KID, KEY))), StandingClock()).verify(signed(GOOD))
    assert (principal.member_id, principal.scopes, principal.partner) == (MEMBER, frozenset({"profile:read"}), None)


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", ""])
async def test_jw_01_no_algorithm(algorithm: str) -> None:
    _, claims, signature = signed(GOOD).split(".")
    head = part(HEADER | {"alg": algorithm})
    await assert_refused(f"{head}.{claims}.")
    await assert_refused(f"{head}.{claims}.{signature}")


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "base64 of pem"])
async def test_jw_02_public_key_as_hmac_secret(form: str) -> None:
    secrets = {
        "pem": KEY.as_pem(private=False),
        "der": KEY.as_der(private=False),
        "jwk": json.dumps(KEY.as_dict(private=False)).encode(),
        "base64 of pem": base64.b64encode(KEY.as_pem(private=False)),
    }
    body = f"{part(HEADER | {'alg': 'HS256'})}.{part(GOOD)}"
    mac = base64.urlsafe_b64encode(hmac.digest(secrets[form], body.encode(), hashlib.sha256)).decode().rstrip("=")
    await assert_refused(f"{body}.{mac}")


async def test_jw_03_another_family_than_the_key() -> None:
    rsa = RSAKey.generate_key(2048)
    source = Source(key_set((KID, rsa)))
    await assert_refused(signed(GOOD), source)
    await assert_refused(signed(GOOD, HEADER | {"alg": "PS256"}, rsa), source)
    good = await verifier(source, StandingClock()).verify(signed(GOOD, HEADER | {"alg": "RS256"}, rsa))
    assert good.subject == MEMBER


@pytest.mark.parametrize("kid", ["../../dev/null", "' OR 1=1 --", "unknown", None, 7, "k" * 1_000_000])
async def test_jw_04_unknown_key_ids_ask_the_issuer_once(kid: Any) -> None:
    source = Source(key_set((KID, KEY)))
    check = verifier(source, StandingClock())
    header = {name: value for name, value in (HEADER | {"kid": kid}).items() if value is not None}
    token = f"{part(header)}.{part(GOOD)}.{signed(GOOD).rpartition('.')[2]}"
    for _ in range(20):
        with pytest.raises(UnauthenticatedError):
            await check.verify(token)
    assert source.asked <= 1


async def test_jw_05_embedded_keys_are_ignored() -> None:
    attacker = ECKey.generate_key("P-256")
    for extra in (
        {"jwk": attacker.as_dict(private=False)},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/cert"},
    ):
        source = Source(key_set((KID, KEY)))
        await assert_refused(signed(GOOD, HEADER | extra, attacker), source)
        assert source.asked <= 1


@pytest.mark.parametrize(
    "change",
    [
        {"exp": NOW - 60},
        {"nbf": NOW + 61},
        {"iat": NOW + 61},
        {"exp": None},
        {"exp": str(NOW + 600)},
        {"exp": NOW + 600.5},
        {"exp": True},
        {"exp": 10**400},
        {"exp": -1},
        {"iat": None},
        {"iat": "now"},
        {"nbf": []},
    ],
)
async def test_jw_06_times(change: dict[str, Any]) -> None:
    claims = {name: value for name, value in (GOOD | change).items() if value is not None}
    await assert_refused(signed(claims))


async def test_jw_06_the_skew_is_sixty_seconds() -> None:
    check = verifier(Source(key_set((KID, KEY))), StandingClock())
    late = signed(GOOD | {"exp": NOW - 59, "iat": NOW + 60, "nbf": NOW + 60})
    assert (await check.verify(late)).subject == MEMBER


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://issuer.example/"},
        {"iss": None},
        {"aud": "another-service"},
        {"aud": ["partner-benefits-gateway", "another-service"]},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "line\nbreak"},
        {"client_id": None},
        {"scope": ["profile:read"]},
    ],
)
async def test_jw_07_issuer_audience_subject(change: dict[str, Any]) -> None:
    claims = {name: value for name, value in (GOOD | change).items() if value is not None}
    await assert_refused(signed(claims))


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "", None])
async def test_jw_08_an_id_token_is_no_access_token(typ: str | None) -> None:
    header = {name: value for name, value in (HEADER | {"typ": typ}).items() if value is not None}
    await assert_refused(signed(GOOD, header))


async def test_jw_09_critical_headers_and_unencoded_payload() -> None:
    for extra in ({"crit": ["exp"], "exp": NOW}, {"b64": False, "crit": ["b64"]}, {"zip": "DEF"}):
        token = f"{part(HEADER | extra)}.{part(GOOD)}.{signed(GOOD).rpartition('.')[2]}"
        await assert_refused(token)


def _mixed() -> bytes:
    return key_set((KID, KEY), ("key-2", RSAKey.generate_key(2048)))


def _private() -> bytes:
    return json.dumps({"keys": [KEY.as_dict(private=True) | {"kid": KID}]}).encode()


def _symmetric() -> bytes:
    return json.dumps({"keys": [OctKey.generate_key(256).as_dict() | {"kid": KID}]}).encode()


def _off_curve() -> bytes:
    public = KEY.as_dict(private=False) | {"kid": KID}
    return json.dumps({"keys": [public | {"y": public["x"]}]}).encode()


def _short() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return key_set((KID, RSAKey.generate_key(1024)))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(
    "document",
    [
        _mixed(),
        _private(),
        _symmetric(),
        _off_curve(),
        key_set((KID, KEY), (KID, KEY)),
        _short(),
        b"<html>",
        b'{"keys": []}',
        b"[]",
        b'{"keys": [7]}',
    ],
    ids=["mixed", "private", "symmetric", "off_curve", "same_kid", "short", "html", "empty", "list", "number"],
)
def test_jw_11_key_sets_that_are_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_key_set(document)


async def test_jw_12_the_old_set_serves_for_a_day_while_the_issuer_is_down() -> None:
    clock, source = StandingClock(), Source(key_set((KID, KEY)))
    check = verifier(source, clock)
    await check.verify(signed(GOOD))
    source.document = None
    for hours in (2, 20):
        clock.instant = NOON
        clock.move(hours=hours)
        later = int(clock.now().timestamp())
        assert (await check.verify(signed(GOOD | {"iat": later, "exp": later + 600}))).subject == MEMBER
    clock.instant = NOON
    clock.move(seconds=STALE_SECONDS + 1)
    later = int(clock.now().timestamp())
    with pytest.raises(UnavailableError):
        await check.verify(signed(GOOD | {"iat": later, "exp": later + 600, "jti": "2"}))


async def test_jw_13_a_new_key_is_found_by_one_question() -> None:
    clock, source = StandingClock(), Source(key_set((KID, KEY)))
    check = verifier(source, clock)
    await check.verify(signed(GOOD))
    rotated = ECKey.generate_key("P-256")
    source.document = key_set((KID, KEY), ("key-2", rotated))
    clock.move(seconds=REFRESH_SECONDS)
    assert (await check.verify(signed(GOOD, HEADER | {"kid": "key-2"}, rotated))).subject == MEMBER
    assert source.asked == 2


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c.d.e", "é.é.é", "a. b.c", "a.b.c\n", "." * 9_000, "x" * 16_384]
)
async def test_jw_15_what_is_no_token(token: str) -> None:
    await assert_refused(token)


async def test_a_remembered_token_ends_with_its_time() -> None:
    clock, source = StandingClock(), Source(key_set((KID, KEY)))
    check = verifier(source, clock)
    token = signed(GOOD)
    await check.verify(token)
    clock.move(seconds=659)
    await check.verify(token)
    clock.move(seconds=1)
    with pytest.raises(UnauthenticatedError):
        await check.verify(token)


async def test_two_authorization_headers_or_another_scheme_are_refused(stack: Stack) -> None:
    good = stack.member(MEMBER)["Authorization"]
    for headers in ([("Authorization", good), ("Authorization", good)], [("Authorization", f"Basic {good[7:]}")], []):
        assert (await stack.client.get("/v1/me", headers=headers)).status_code == 401


async def test_a_denied_token_is_refused_though_it_was_verified_before(clock: StandingClock) -> None:
    """JW-16: by its id, whatever else is changed about the text."""
    denied: set[str] = set()
    under = verifier(Source(key_set((KID, KEY))), clock, denied)
    token = jwt.encode(HEADER, GOOD, KEY, ["ES256"])
    other = jwt.encode(HEADER, GOOD | {"jti": "2"}, KEY, ["ES256"])
    again = jwt.encode(HEADER, GOOD, KEY, ["ES256"])
    assert again != token, "ECDSA signs with randomness: another text, the same id"
    for each in (token, other):
        await under.verify(each)
    denied.add("1")
    for each in (token, again, f"{token}=", f"{token}=="):
        with pytest.raises(UnauthenticatedError):
            await under.verify(each)
    assert (await under.verify(other)).subject == MEMBER
    denied.clear()
    assert (await under.verify(token)).subject == MEMBER


async def test_what_is_denied_in_the_database_is_refused_within_seconds(stack: Stack) -> None:
    headers = stack.member(MEMBER, "profile:read")
    assert (await stack.client.get("/v1/me", headers=headers)).status_code == 404
    jti, until = read(headers["Authorization"].removeprefix("Bearer "), 60)
    now = stack.gateway.clock.now()
    deny = partial(denials.deny, jti=jti, expires_at=until, by="anna", reason="a lost phone", at=now)
    assert [await stack.gateway.database.write(deny) for _ in range(2)] == [True, False]
    await stack.gateway.denials.refresh(stack.gateway.database, stack.gateway.clock)
    assert (await stack.client.get("/v1/me", headers=headers)).status_code == 401
    assert await stack.gateway.database.write(partial(denials.purge, at=until)) == 1
    await stack.gateway.denials.refresh(stack.gateway.database, stack.gateway.clock)
    assert jti not in stack.gateway.denials


NO_TOKENS = (
    "",
    "a.b.c",
    "not a token",
    _unsigned({"exp": NOW}),
    _unsigned({"jti": "1"}),
    _unsigned({"jti": "1", "exp": 10**18}),
    _unsigned({"jti": "", "exp": NOW}),
)


@pytest.mark.parametrize("text", NO_TOKENS)
def test_only_what_names_a_token_can_be_denied(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read(text, 60)
