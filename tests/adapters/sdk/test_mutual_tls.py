"""Our own certificate, against real TLS servers on loopback: right, wrong, ended, missing; nothing goes without it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sdk.auth import make_authenticator
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.connections import is_certificate_alert
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import Facts, Limits, Manifest
from adapters.sdk.mutual_tls import MutualTls, read_identity
from adapters.sdk.outcomes import Outcome
from config.clock import SystemClock
from config.secrets import Secret
from tests.support.certificates import DAY, Authority, tls_partner

CALL = PartnerCall(operation="reserve", method="POST", path="/v1/things", body=b'{"a":1}')
VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls_1_2", "tls_1_3"]
)


def manifest(auth: str, settings: dict[str, str] | None = None) -> Manifest:
    return Manifest(
        name="some",
        title="Some",
        segment="any",
        api_version=1,
        capabilities=(),
        auth=auth,
        credentials={},
        facts=Facts(),
        auth_settings=settings or {},
    )


def credentials(pair: tuple[str, str], **more: str) -> dict[str, Secret]:
    given = {"client_certificate": pair[0], "private_key": pair[1], **more}
    return {name: Secret(value) for name, value in given.items()}


async def called(
    address: str, authority: Authority, auth: str, given: dict[str, Secret]
) -> PartnerAnswer | CallFailure:
    client = PartnerClient(
        base_url=address,
        limits=Limits(deadline_seconds=5),
        clock=SystemClock(),
        authenticator=make_authenticator(manifest(auth), given),
        ca_file=authority.file,
    )
    try:
        return await client.call(CALL)
    finally:
        await client.aclose()


@VERSIONS
async def test_the_partner_sees_our_certificate(tmp_path: Path, version: ssl.TLSVersion) -> None:
    authority = Authority(tmp_path)
    with tls_partner(authority.server(tmp_path, asks=True, version=version)) as partner:
        answer = await called(partner.address, authority, "mtls", credentials(authority.issue("club")))
    assert isinstance(answer, PartnerAnswer)
    assert [name for _, name in partner.seen] == ["club"]


@VERSIONS
async def test_a_certificate_of_another_authority_is_not_sent(tmp_path: Path, version: ssl.TLSVersion) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "another")
    with tls_partner(authority.server(tmp_path, asks=True, version=version)) as partner:
        answer = await called(partner.address, authority, "mtls", credentials(other.issue("club")))
    assert answer == CallFailure(Outcome.NOT_SENT, "authentication:certificate_refused")
    assert partner.seen == []


@VERSIONS
async def test_where_a_certificate_is_asked_for_and_the_manifest_has_none_nothing_is_sent(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    authority = Authority(tmp_path)
    with tls_partner(authority.server(tmp_path, asks=True, version=version)) as partner:
        answer = await called(partner.address, authority, "none", {})
    assert isinstance(answer, CallFailure)
    if version is ssl.TLSVersion.TLSv1_2:
        # It has no alert of its own for this: the handshake fails, as it may for other reasons.
        assert answer == CallFailure(Outcome.NOT_SENT, "connect")
    elif answer.outcome is not Outcome.UNKNOWN:
        # Who shows no certificate does not wait for a verdict: a reset may overtake the alert, and proves nothing.
        assert answer == CallFailure(Outcome.NOT_SENT, "authentication:certificate_refused")
    assert partner.seen == []


async def test_a_certificate_that_is_refused_without_a_word_is_not_sent_either(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "another")
    with tls_partner(authority.server(tmp_path, asks=True), mute=True) as partner:
        answer = await called(partner.address, authority, "mtls", credentials(other.issue("club")))
    assert answer == CallFailure(Outcome.NOT_SENT, "authentication:certificate_refused")


async def test_a_reset_that_says_nothing_proves_nothing_once_the_request_was_written(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with tls_partner(authority.server(tmp_path, asks=True), mute=True) as partner:
        answer = await called(partner.address, authority, "none", {})
    assert isinstance(answer, CallFailure)
    assert answer.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("begins", "ends", "reason"),
    [(-3 * DAY, -DAY, "certificate_expired"), (DAY, 2 * DAY, "certificate_not_yet_valid")],
)
async def test_outside_its_days_a_certificate_is_not_even_shown(
    tmp_path: Path, begins: timedelta, ends: timedelta, reason: str
) -> None:
    authority = Authority(tmp_path)
    with tls_partner(authority.server(tmp_path, asks=False)) as partner:
        answer = await called(partner.address, authority, "mtls", credentials(authority.issue("club", begins, ends)))
    assert answer == CallFailure(Outcome.NOT_SENT, f"authentication:{reason}")
    assert partner.seen == []


async def test_the_token_endpoint_knows_the_client_by_its_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    given = credentials(authority.issue("club"), client_id="the-club")
    with tls_partner(authority.server(tmp_path, asks=True)) as partner:
        partner.bodies[b"/oauth/token"] = b'{"access_token":"t1","token_type":"Bearer","expires_in":60}'
        answer = await called(partner.address, authority, "oauth2_tls_client_auth", given)
    assert isinstance(answer, PartnerAnswer)
    (token, first), (call, second) = partner.seen
    assert (first, second) == ("club", "club")
    assert token.endswith(b"grant_type=client_credentials&client_id=the-club")
    assert b"client_secret" not in token
    assert b"authorization: Bearer t1\r\n" in call


async def test_a_token_endpoint_that_refuses_the_certificate_leaves_the_call_unsent(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "another")
    given = credentials(other.issue("club"), client_id="the-club")
    with tls_partner(authority.server(tmp_path, asks=True)) as partner:
        answer = await called(partner.address, authority, "oauth2_tls_client_auth", given)
    assert answer == CallFailure(Outcome.NOT_SENT, "authentication:certificate_refused")
    assert partner.seen == []


async def test_without_tls_only_this_machine_is_spoken_to(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("club")
    scheme = MutualTls(read_identity(Secret(pair[0]), Secret(pair[1])))
    now = datetime.now(UTC)

    async def no_exchange(call: PartnerCall) -> PartnerAnswer | CallFailure:
        raise AssertionError("nothing is fetched")

    refused = await scheme.authenticate(CALL, "http://partner.example", now, no_exchange)
    assert refused == CallFailure(Outcome.NOT_SENT, "authentication:certificate_needs_tls")
    for address in ("https://partner.example", "http://127.0.0.1:8091"):
        assert await scheme.authenticate(CALL, address, now, no_exchange) is CALL


def test_what_cannot_be_a_certificate_is_refused_when_the_adapter_is_made(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (certificate, key), (_, another) = authority.issue("club"), authority.issue("club")
    for given in [
        {},
        credentials((certificate, another)),
        credentials(("no certificate", key)),
        credentials((certificate, "no key")),
    ]:
        with pytest.raises(ManifestError) as refused:
            make_authenticator(manifest("mtls"), given)
        assert "BEGIN" not in refused.value.message


def test_neither_key_nor_its_password_is_shown(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("club")
    identity = read_identity(Secret(certificate), Secret(key))
    assert "ENCRYPTED PRIVATE KEY" in identity.pem.reveal()
    for secret in (identity.pem, identity.password):
        assert secret.reveal() not in repr(identity)


@pytest.mark.parametrize(
    ("reason", "about_us"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", True),
        ("TLSV1_ALERT_UNKNOWN_CA", True),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", True),
        ("CERTIFICATE_VERIFY_FAILED", False),
        ("TLSV1_ALERT_INTERNAL_ERROR", False),
        ("UNEXPECTED_EOF_WHILE_READING", False),
    ],
)
def test_only_alerts_about_our_certificate_prove_that_nothing_was_read(reason: str, about_us: bool) -> None:
    error = ssl.SSLError(1, "told")
    error.reason = reason
    assert is_certificate_alert(error) is about_us
    assert not is_certificate_alert(OSError(reason))
