"""Signatures by settings: figures made elsewhere, published vectors when their folder is named, all that is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.sdk.auth import ean_header, make_authenticator
from adapters.sdk.auth_schemes import CREDENTIALS, SETTINGS, unknown_settings
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import Facts, Manifest
from adapters.sdk.request_signing import (
    SignatureRefusedError,
    SignedRequest,
    SigningKey,
    host_of,
    read_rules,
    signature,
    signed_headers,
    signed_request,
    verify_request,
)
from config.secrets import Secret

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
STAMP = "1795834800"
CALL = PartnerCall(operation="reserve", method="post", path="/v1/things", query=(("a", "b c"),), body=b'{"n":1}')
KEYS = {"club": "a shared secret"}
SETTINGS_OF_ALL = {
    "sign": "{method}\n{target}\n{host}\n{timestamp}\n{nonce}\n{body_hash}",
    "header.X-Signature": "v1={signature}",
    "header.X-Key": "{key_id}",
    "header.X-Time": "{timestamp}",
    "header.X-Nonce": "{nonce}",
}


def rules_of(**changed: str | None) -> Any:
    settings = {**SETTINGS_OF_ALL, **{name.replace("__", "."): value for name, value in changed.items()}}
    return read_rules("some", {name: value for name, value in settings.items() if value is not None})


def manifest(auth: str, settings: dict[str, str]) -> Manifest:
    return Manifest(
        name="some",
        title="Some",
        segment="any",
        api_version=1,
        capabilities=(),
        auth=auth,
        credentials={},
        facts=Facts(),
        auth_settings=settings,
    )


async def no_exchange(call: PartnerCall) -> PartnerAnswer | CallFailure:
    raise AssertionError("nothing is fetched")


async def signed(auth: str, settings: dict[str, str], call: PartnerCall = CALL) -> dict[str, str]:
    credentials = {"key_id": Secret("club"), "secret": Secret(KEYS["club"])}
    scheme = make_authenticator(manifest(auth, settings), credentials)
    result = await scheme.authenticate(call, "https://Partner.example:443/api", NOW, no_exchange)
    assert isinstance(result, PartnerCall)
    assert not scheme.refused(PartnerAnswer(status=401, headers={}, body=b""))
    return {name.lower(): value for name, value in result.headers.items()}


def test_the_figure_that_openssl_gives() -> None:
    # printf 'POST\n/api/v1/things?a=b%%20c\npartner.example\n1795834800\nn0nce-n0nce\n<sha256sum of {"n":1}>'
    #   | openssl dgst -sha256 -hmac 'a shared secret'
    request = signed_request("https://Partner.example:443/api", CALL)
    assert request == SignedRequest(
        method="POST",
        target="/api/v1/things?a=b%20c",
        host="partner.example",
        content_type="application/json",
        body=b'{"n":1}',
    )
    made = signature(rules_of(), SigningKey("club", KEYS["club"]), request, STAMP, "n0nce-n0nce")
    assert made == FIGURE
    # the same with sha512sum, and openssl dgst -sha512
    made = signature(rules_of(digest="sha512"), SigningKey("club", KEYS["club"]), request, STAMP, "n0nce-n0nce")
    assert made == FIGURE_512


FIGURE_512 = (
    "15da95be9469ec14637b844a59de1702180e7d31a7d1f1aaae16a76972fc1b58"
    "3ec29205bc27e9a56f124e57c37b92ce7cb00c91f94ae5b42642e7540a3c7b10"
)
FIGURE = "42f391fbc8c2cd945cf35d3f0adfe6ae1d0fc56a86f38bb3509573ce06140115"


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("timestamp_format", ["seconds", "milliseconds", "rfc3339"])
async def test_what_we_sign_the_other_side_accepts(digest: str, encoding: str, timestamp_format: str) -> None:
    words = {"digest": digest, "encoding": encoding, "timestamp_format": timestamp_format}
    rules = rules_of(**words)
    headers = await signed("hmac_signature", {**SETTINGS_OF_ALL, **words})
    request = signed_request("https://partner.example/api", CALL)
    nonce = verify_request(rules, KEYS, request, headers, NOW + timedelta(seconds=299))
    assert headers["x-nonce"] == nonce
    assert headers["x-nonce"] != (await signed("hmac_signature", {**SETTINGS_OF_ALL, **words}))["x-nonce"]


def other(field: str, value: Any) -> Callable[[SignedRequest, dict[str, str]], tuple[SignedRequest, dict[str, str]]]:
    if field.startswith("x-"):
        return lambda request, headers: (request, {**headers, field: value})
    return lambda request, headers: (msgspec.structs.replace(request, **{field: value}), headers)


@pytest.mark.parametrize(
    "change",
    [
        other("method", "PUT"),
        other("target", "/api/v1/things?a=b%20d"),
        other("host", "other.example"),
        other("body", b'{"n":2}'),
        other("x-time", str(int(STAMP) + 1)),
        other("x-time", "soon"),
        other("x-time", "١٧٩٥٨٣٤٨٠٠"),
        other("x-nonce", "another-nonce"),
        other("x-nonce", "short"),
        other("x-key", "somebody"),
        other("x-signature", "v1=" + "0" * 64),
        other("x-signature", "0" * 64),
        other("x-signature", ""),
    ],
)
def test_whatever_else_arrives_is_refused(change: Any) -> None:
    rules, request = rules_of(), signed_request("https://partner.example/api", CALL)
    headers = signed_headers(rules, SigningKey("club", KEYS["club"]), request, NOW, "n0nce-n0nce")
    headers = {name.lower(): value for name, value in headers.items()}
    assert verify_request(rules, KEYS, request, headers, NOW) == "n0nce-n0nce"
    changed = change(request, headers)
    with pytest.raises(SignatureRefusedError):
        verify_request(rules, KEYS, changed[0], changed[1], NOW)


@pytest.mark.parametrize("seconds", [301, -301])
def test_a_signature_lives_300_seconds(seconds: int) -> None:
    rules, request = rules_of(), signed_request("https://partner.example/api", CALL)
    headers = signed_headers(rules, SigningKey("club", KEYS["club"]), request, NOW, "n0nce-n0nce")
    with pytest.raises(SignatureRefusedError):
        verify_request(
            rules, KEYS, request, {k.lower(): v for k, v in headers.items()}, NOW + timedelta(seconds=seconds)
        )


async def test_the_signature_of_expedia_can_be_stated() -> None:
    settings = {
        "sign": "{key_id}{secret}{timestamp}",
        "digest": "sha512",
        "construction": "hash",
        "header.Authorization": "EAN apikey={key_id},signature={signature},timestamp={timestamp}",
    }
    headers = await signed("hmac_signature", settings)
    assert headers == {"authorization": ean_header("club", KEYS["club"], int(STAMP))}
    request = signed_request("https://partner.example", CALL)
    assert verify_request(read_rules("some", settings), KEYS, request, headers, NOW) == ""
    with pytest.raises(SignatureRefusedError):
        verify_request(read_rules("some", settings), {"club": "another"}, request, headers, NOW)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"window": "300"}, "'window' is no setting"),
        ({"digest": "md5"}, "digest is 'md5'"),
        ({"encoding": "base32"}, "encoding is"),
        ({"sign": None}, "no {timestamp}"),
        ({"sign": "{method}{nonce}"}, "no {timestamp}"),
        ({"sign": "{timestamp}{colour}"}, "names {colour}"),
        ({"sign": "{timestamp!r}"}, "names {timestamp}"),
        ({"sign": "{timestamp:>20}"}, "names {timestamp}"),
        ({"sign": "{timestamp"}, "no template"),
        ({"sign": "{timestamp}"}, "{nonce} is signed or sent"),
        ({"header__X-Time": None}, "{timestamp} is signed or sent"),
        ({"header__X-Signature": None}, "stands in 0 headers"),
        ({"header__X-More": "{signature}"}, "stands in 2 headers"),
        ({"header__X-More": "{secret}"}, "names {secret}"),
        ({"header__X More": "{key_id}"}, "no name of a header"),
        ({"construction": "hash"}, "{secret} stands in sign exactly when"),
        ({"sign": "{secret}{timestamp}{nonce}"}, "{secret} stands in sign exactly when"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_when_the_adapter_is_made(
    changed: dict[str, str | None], told: str
) -> None:
    with pytest.raises(ManifestError) as refused:
        rules_of(**changed)
    assert told in refused.value.message


@pytest.mark.parametrize(("encoding", "secret"), [("hex", "no hex"), ("base64", "no base64!")])
def test_a_key_that_is_not_written_as_declared_stops_the_start_and_is_not_told(encoding: str, secret: str) -> None:
    credentials = {"key_id": Secret("club"), "secret": Secret(secret)}
    for auth, settings in (
        ("hmac_signature", {**SETTINGS_OF_ALL, "key_encoding": encoding}),
        ("rfc9421_hmac", {"key_encoding": encoding}),
    ):
        with pytest.raises(ManifestError) as refused:
            make_authenticator(manifest(auth, settings), credentials)
        assert secret not in refused.value.message


def test_a_key_id_that_would_break_a_header_is_refused() -> None:
    for key_id in ('a"b', "a\nb", "ключ"):
        with pytest.raises(ManifestError):
            make_authenticator(
                manifest("hmac_signature", SETTINGS_OF_ALL), {"key_id": Secret(key_id), "secret": Secret("s")}
            )


def test_every_scheme_names_its_settings_and_refuses_others() -> None:
    assert set(SETTINGS) == set(CREDENTIALS)
    for auth in SETTINGS:
        assert unknown_settings(auth, {"token_pth": "/"}) == ("token_pth",)
        with pytest.raises(ManifestError, match="no setting of"):
            make_authenticator(manifest(auth, {"token_pth": "/"}), {})


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://Partner.example", "partner.example"),
        ("https://partner.example:443/api", "partner.example"),
        ("http://partner.example:443", "partner.example:443"),
        ("https://partner.example:8443", "partner.example:8443"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_the_host_is_that_of_the_header(address: str, host: str) -> None:
    assert host_of(address) == host


def vectors(name: str) -> Any:
    folder = os.environ.get("GATEWAY_TEST_VECTORS")
    path = Path(folder or "") / name
    if not folder or not path.is_file():
        pytest.skip(f"NO VECTORS: GATEWAY_TEST_VECTORS={folder!r} holds no {name}")
    return json.loads(path.read_bytes())


def test_published_vectors_of_vendors_can_be_stated() -> None:
    statable = {"slack": "v0:{timestamp}:{body}", "stripe": "{timestamp}.{body}"}
    checked = set()
    for vector in vectors("vendor_webhook_hmac.json")["vectors"]:
        if vector["scheme"] not in statable:
            continue
        rules = read_rules(
            "some", {"sign": statable[vector["scheme"]], "header.X": "{signature}", "header.T": "{timestamp}"}
        )
        stamp = str(vector.get("timestamp") or vector["headers"]["X-Slack-Request-Timestamp"])
        request = SignedRequest(method="POST", target="/", host="h", body=vector["body"].encode())
        made = signature(rules, SigningKey("", vector["secret"]), request, stamp, "")
        assert made == (vector.get("expected_v1") or vector["expected"].removeprefix("v0="))
        checked.add(vector["scheme"])
    assert checked == set(statable)


def test_the_key_is_shown_by_no_representation() -> None:
    assert KEYS["club"] not in repr(SigningKey("club", KEYS["club"]))
