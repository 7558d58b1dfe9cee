"""RFC 9421 with a shared key: the published vector when its folder is named, ours, and all that is refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.sdk import message_signatures
from adapters.sdk.auth import make_authenticator
from adapters.sdk.calls import CallFailure, PartnerCall
from adapters.sdk.errors import ManifestError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.request_signing import SignatureRefusedError, SignedRequest, signed_request
from config.secrets import Secret
from tests.adapters.sdk.test_request_signing import CALL, KEYS, NOW, manifest, no_exchange, signed, vectors

REQUIRED = message_signatures.DEFAULT_COMPONENTS.split()
REQUEST = signed_request("https://partner.example/api", CALL)
BYTES = {name: secret.encode() for name, secret in KEYS.items()}


def test_published_hmac_of_rfc_9421() -> None:
    document = vectors("http_message_signatures_rfc9421.json")
    (vector,) = [each for each in document["vectors"] if each["alg"] == "hmac-sha256"]
    message = document["request"]
    headers = {name.lower(): value for name, value in message["headers"].items()}
    request = SignedRequest(
        method=message["method"], target="/foo?param=Value&Pet=dog", host="example.com", body=message["body"].encode()
    )
    covered = [
        (name.strip('"'), message_signatures.component(name.strip('"'), request, "https", headers))
        for name, _ in vector["components"]
    ]
    assert covered == [(name.strip('"'), value) for name, value in vector["components"]]
    base = message_signatures.signature_base(covered, vector["params"])
    key = base64.b64decode(vector["shared_secret_b64"])
    assert message_signatures.sign(key, base) == vector["signature"]
    given = {
        **headers,
        "signature-input": f"sig-b25={vector['params']}",
        "signature": f"sig-b25=:{vector['signature']}:",
    }
    at = datetime.fromtimestamp(1618884473, UTC)
    required = ("date", "@authority", "content-type")
    keys = {"test-shared-secret": key}
    assert message_signatures.verify(keys, request, "https", given, required, at) == ""
    with pytest.raises(SignatureRefusedError):
        message_signatures.verify(keys, request, "https", given, required, at + timedelta(seconds=301))


async def arrived(call: PartnerCall = CALL) -> dict[str, str]:
    return {"content-type": call.content_type, **await signed("rfc9421_hmac", {}, call)}


def verified(
    headers: dict[str, str], request: SignedRequest = REQUEST, now: datetime = NOW, required: Any = REQUIRED
) -> str:
    return message_signatures.verify(BYTES, request, "https", headers, required, now)


async def test_what_we_sign_the_other_side_accepts() -> None:
    headers = await arrived()
    assert len(verified(headers)) == 32
    assert verified(headers) != verified(await arrived())
    assert headers["signature-input"].startswith(
        'sig1=("@method" "@authority" "@path" "@query" "content-digest" "content-type");created=1795834800;keyid="club"'
    )
    # printf '{"n":1}' | openssl dgst -sha256 -binary | base64
    assert headers["content-digest"] == "sha-256=:K/0U9D0X/HzqJOCReoh5tLL4gLi67sG52Q+6rWVecb0=:"


async def test_a_call_without_a_body_is_covered_as_well() -> None:
    call = PartnerCall(operation="look_up", method="GET", path="/v1/things")
    headers = await signed("rfc9421_hmac", {}, call)
    assert "content-digest" not in headers
    request = signed_request("https://partner.example/api", call)
    assert verified(headers, request)
    with pytest.raises(SignatureRefusedError):
        verified(headers, SignedRequest(method="GET", target="/api/v1/other", host="partner.example"))


@pytest.mark.parametrize(
    "change",
    [
        {"signature": "sig1=:AAAA:"},
        {"signature": "sig2=:AAAA:"},
        {"signature": "sig1=:?:"},
        {"signature": ""},
        {"signature-input": ""},
        {"content-type": "text/plain"},
        {"content-digest": "sha-256=:AAAA:"},
    ],
)
async def test_what_was_changed_on_its_way_is_refused(change: dict[str, str]) -> None:
    headers = await arrived()
    with pytest.raises(SignatureRefusedError):
        verified({**headers, **change})


@pytest.mark.parametrize(
    "request_",
    [
        SignedRequest(method="PUT", target=REQUEST.target, host=REQUEST.host, body=REQUEST.body),
        SignedRequest(method="POST", target="/api/v1/things?a=c", host=REQUEST.host, body=REQUEST.body),
        SignedRequest(method="POST", target=REQUEST.target, host="other.example", body=REQUEST.body),
        SignedRequest(method="POST", target=REQUEST.target, host=REQUEST.host, body=b'{"n":2}'),
    ],
)
async def test_another_request_than_was_signed_is_refused(request_: SignedRequest) -> None:
    headers = await arrived()
    with pytest.raises(SignatureRefusedError):
        verified(headers, request_)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("created=1795834800", "created=1795834801"), "No live key"),
        (('keyid="club"', 'keyid="nobody"'), "No live key"),
        (('alg="hmac-sha256"', 'alg="none"'), "another algorithm"),
        (("created=1795834800;", ""), "when it was made"),
        (("created=1795834800", "created=1795834800;created=1795834800"), "given twice"),
        (('"content-digest" ', ""), "does not cover"),
        (('"@method" ', '"@method" "@method" '), "does not cover"),
    ],
)
async def test_parameters_are_part_of_what_is_signed(words: tuple[str, str], told: str) -> None:
    headers = await arrived()
    changed = headers["signature-input"].replace(*words)
    assert changed != headers["signature-input"]
    with pytest.raises(SignatureRefusedError, match=told):
        verified({**headers, "signature-input": changed})


@pytest.mark.parametrize("components", ["", "@method @method", "@status", "Content-Type"])
def test_components_that_cannot_be_signed_stop_the_start(components: str) -> None:
    credentials = {"key_id": Secret("club"), "secret": Secret("s")}
    with pytest.raises(ManifestError):
        make_authenticator(manifest("rfc9421_hmac", {"components": components}), credentials)


async def test_a_call_that_has_not_what_is_to_be_signed_is_not_sent() -> None:
    credentials = {"key_id": Secret("club"), "secret": Secret("s")}
    scheme = make_authenticator(manifest("rfc9421_hmac", {"components": "@method x-tenant"}), credentials)
    refused = await scheme.authenticate(CALL, "https://partner.example", NOW, no_exchange)
    assert refused == CallFailure(Outcome.NOT_SENT, "authentication:nothing_to_sign")
