"""OAuth 1.0a with RSA: the examples of RFC 5849 for what is signed, figures of our own for the rest."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from adapters.sdk.auth import make_authenticator
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import Facts, Manifest
from adapters.sdk.oauth1 import (
    OAuth1RsaSha256,
    base_string,
    base_uri,
    body_hash,
    header,
    is_signed_by,
    read_private_key,
)
from config.secrets import Secret

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = datetime(2026, 11, 28, 10, tzinfo=UTC)


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def der(key: rsa.RSAPrivateKey) -> str:
    raw = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return base64.b64encode(raw).decode()


async def nothing(_: PartnerCall) -> PartnerAnswer | CallFailure:
    raise AssertionError("no token is fetched")


def test_the_base_string_of_rfc_5849_section_3_4_1_1() -> None:
    parameters = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]
    assert base_string("post", "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", parameters) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D"
        "%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1"
        "%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://EXAMPLE.COM:80/r%20v/X?id=123", "http://example.com/r%20v/X"),
        ("https://www.example.net:8080/?q=1", "https://www.example.net:8080/"),
        ("HTTPS://api.example.net:443/a", "https://api.example.net/a"),
        ("http://api.example.net:443", "http://api.example.net:443/"),
    ],
)
def test_the_addresses_of_rfc_5849_section_3_4_1_2(url: str, expected: str) -> None:
    assert base_uri(url) == expected


def test_a_body_is_hashed_an_empty_one_too() -> None:
    assert body_hash(b"") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert body_hash(b"Hello World!") != body_hash(b"Hello World! ")


def test_parameters_of_equal_names_are_sorted_by_their_values_and_the_rest_is_escaped() -> None:
    assert base_string("GET", "http://a.test/?b=2&b=1&a=%E2%98%BA~", []) == (
        "GET&http%3A%2F%2Fa.test%2F&a%3D%25E2%2598%25BA~%26b%3D1%26b%3D2"
    )
    assert header([("b", 'x"y z'), ("a", "1+/=")]) == 'OAuth a="1%2B%2F%3D",b="x%22y%20z"'


async def test_a_call_is_signed_whole_and_each_time_anew() -> None:
    signer = OAuth1RsaSha256(Secret("consumer!1"), Secret(pem(KEY)))
    call = PartnerCall(operation="x", method="POST", path="/p?z=%20", query=(("a b", "c/d"),), body=b'{"a":1}')
    nonces = set()
    for _ in range(3):
        signed = await signer.authenticate(call, "https://API.example.test:443/root", NOW, nothing)
        assert isinstance(signed, PartnerCall)
        pairs = re.findall(r'([a-z_]+)="([^"]*)"', signed.headers["Authorization"])
        given = {name: unquote(value) for name, value in pairs}
        signature = given.pop("oauth_signature")
        assert given.keys() == {
            *("oauth_body_hash", "oauth_consumer_key", "oauth_nonce", "oauth_signature_method"),
            *("oauth_timestamp", "oauth_version"),
        }
        assert given["oauth_body_hash"] == body_hash(b'{"a":1}')
        assert (given["oauth_timestamp"], given["oauth_consumer_key"]) == (str(int(NOW.timestamp())), "consumer!1")
        url = "https://api.example.test/root/p?z=%20&a%20b=c%2Fd"
        public = KEY.public_key()
        assert is_signed_by(public, base_string("POST", url, given.items()), signature)
        assert not is_signed_by(public, base_string("PUT", url, given.items()), signature)
        assert not is_signed_by(public, base_string("POST", url + "1", given.items()), signature)
        assert not is_signed_by(public, base_string("POST", url, given.items()), signature[:-4])
        assert not is_signed_by(public, base_string("POST", url, given.items()), "no base64!")
        nonces.add(given["oauth_nonce"])
    assert len(nonces) == 3
    assert not signer.refused(PartnerAnswer(status=401, headers={}, body=b""))


def test_a_key_is_read_in_every_usual_form() -> None:
    forms = [pem(KEY), pem(KEY, serialization.PrivateFormat.TraditionalOpenSSL), der(KEY), f"\n{pem(KEY)}\n"]
    assert {read_private_key(Secret(text)).public_key().public_numbers().n for text in forms} == {
        KEY.public_key().public_numbers().n
    }


NO_KEYS = {
    "a word": "simulator",
    "no DER in it": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    "another kind of key": pem(ec.generate_private_key(ec.SECP256R1())),
    "too short": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    "a public key": pem(KEY).replace("PRIVATE KEY", "PUBLIC KEY"),
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_what_is_no_key_stops_the_start_and_is_not_told(name: str) -> None:
    with pytest.raises(ManifestError, match="private_key") as caught:
        read_private_key(Secret(NO_KEYS[name]))
    assert NO_KEYS[name][-60:-30] not in str(caught.value) or len(NO_KEYS[name]) < 30


def test_a_manifest_asks_for_it_by_name() -> None:
    manifest = Manifest(
        name="one",
        title="One",
        segment="lounges",
        api_version=1,
        capabilities=(),
        auth="oauth1_rsa_sha256",
        credentials={},
        facts=Facts(),
    )
    made = make_authenticator(manifest, {"consumer_key": Secret("c"), "private_key": Secret(pem(KEY))})
    assert isinstance(made, OAuth1RsaSha256)
    with pytest.raises(ManifestError, match="private_key is missing"):
        make_authenticator(manifest, {"consumer_key": Secret("c")})
