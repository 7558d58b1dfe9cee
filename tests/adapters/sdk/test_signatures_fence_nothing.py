"""R14: a signature fences only where its time is kept with the attempt. No scheme does: no manifest relies on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.sdk.auth import make_authenticator
from adapters.sdk.auth_schemes import CREDENTIALS, SIGNS_EACH_COPY
from adapters.sdk.calls import PartnerAnswer, PartnerCall
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import Facts, Manifest, read_manifest
from config.secrets import Secret

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
CALL = PartnerCall(operation="reserve", method="POST", path="/v1/things", body=b"{}")
BY_TOKEN_OR_TLS = {
    "oauth2_client_credentials", "private_key_jwt", "oauth2_tls_client_auth", "oauth2_authorization_code", "mtls",
}  # fmt: skip
"""What goes out carries a token, or nothing: no time that a partner could judge the request by."""

SETTINGS = {
    "hmac_signature": {
        "sign": "{timestamp}.{body}",
        "header.X-Signature": "{signature}",
        "header.X-Time": "{timestamp}",
    },
    "rfc9421_hmac": {"components": "@method"},
}
MANIFEST = """
name = "x"
title = "A partner"
segment = "lounges"
api_version = 1
capabilities = ["reserves", "looks_up"]
auth = "{auth}"
[credentials]
[facts]
key = {{ field = "key" }}
on_repeat = "replay"
validity_enforced = true
{more}
"""


async def no_exchange(call: PartnerCall) -> PartnerAnswer:
    raise AssertionError("nothing is fetched")


def secret_of(name: str) -> Secret:
    """Give a credential."""
    if name != "private_key":
        return Secret("dmFsdWUtdmFsdWUtdmFsdWUtdmFsdWUtdmFsdWU=")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


@pytest.mark.parametrize("auth", sorted(set(CREDENTIALS) - BY_TOKEN_OR_TLS))
async def test_a_copy_that_is_sent_later_is_signed_anew_by_each_scheme_that_signs(auth: str) -> None:
    manifest = Manifest("x", "X", "any", 1, (), auth, {}, Facts(), auth_settings=SETTINGS.get(auth, {}))
    made = make_authenticator(manifest, {name: secret_of(name) for name in CREDENTIALS[auth]})
    sent = [
        await made.authenticate(CALL, "https://partner.test", at, no_exchange) for at in (NOW, NOW + timedelta(hours=1))
    ]
    assert all(isinstance(each, PartnerCall) for each in sent)
    assert (sent[0] != sent[1]) is (auth in SIGNS_EACH_COPY)


def write(folder: Path, auth: str, more: str = "") -> Path:
    """Write a manifest that says that the partner enforces the window."""
    path = folder / "manifest.toml"
    path.write_text(MANIFEST.format(auth=auth, more=more), encoding="utf-8")
    return path


@pytest.mark.parametrize("auth", sorted(CREDENTIALS))
def test_a_window_counted_from_a_signature_is_refused(tmp_path: Path, auth: str) -> None:
    with pytest.raises(ManifestError, match=r"manifest.toml: facts.validity_by is .* keeps no signature's time"):
        read_manifest(write(tmp_path, auth, 'validity_by = "signature"'))


@pytest.mark.parametrize("auth", sorted(CREDENTIALS))
def test_where_requests_are_signed_a_manifest_says_what_the_window_is_counted_from(tmp_path: Path, auth: str) -> None:
    assert read_manifest(write(tmp_path, auth, 'validity_by = "field"')).profile == "B"
    path = write(tmp_path, auth)
    if auth not in SIGNS_EACH_COPY:
        assert read_manifest(path).profile == "B"
        return
    with pytest.raises(ManifestError, match=r'say facts\.validity_by = "field"'):
        read_manifest(path)
