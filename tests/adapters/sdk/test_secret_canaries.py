"""No scheme's secret is in anything that is shown when its calls go wrong: logs at DEBUG, errors, repr, tracebacks."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from adapters.sdk.auth_schemes import CREDENTIALS
from adapters.sdk.calls import PartnerAnswer, PartnerCall
from adapters.sdk.context import open_context
from adapters.sdk.manifest import Facts, Limits, Manifest
from config import observability
from config.clock import SystemClock
from config.secrets import Secret, resolve_secret
from config.settings import LoggingSettings
from tests.adapters.sdk.raw_partner import Behaviour, answers, close, raw_partner, reset

CANARY = "canary0c1d2e3f4a5b6c7d8e9f"
SECRETS = [(scheme, name) for scheme, kinds in CREDENTIALS.items() for name in kinds if kinds[name] == "secret"]


@cache
def private_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return made.private_bytes(encoding, form, serialization.NoEncryption()).decode()


@cache
def certificate() -> str:
    """A certificate of the private key."""
    key = serialization.load_pem_private_key(private_key().encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "club")]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def value_of(name: str) -> str:
    """A canary for a credential; of the kind that the scheme can use."""
    if name == "private_key":
        return private_key()
    if name == "client_certificate":
        return certificate()
    return base64.urlsafe_b64encode(f"{CANARY}{name}".encode()).decode().rstrip("=")


def forms(value: str) -> set[str]:
    """The ways in which a secret may stand in a text: as it is, line by line, encoded."""
    lines = {line for line in value.splitlines() if len(line) >= 16 and "PRIVATE" not in line}
    pairs = (value, *(f"{value_of(user)}:{value}" for user in ("username", "client_id")))
    encoded = {base64.b64encode(text.encode()).decode()[:-4] for text in pairs}
    return {*lines, *encoded, repr(value)[1:-1]}


async def echo(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse, and hand back everything that was sent: partners do."""
    writer.write(b"HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n" % len(request) + request)
    await writer.drain()


SETTINGS = {
    "private_key_jwt": {"key_id": "k1", "audience": "https://partner.example"},
    "hmac_signature": {
        "sign": "{timestamp}.{body_hash}",
        "header.X-Key": "{key_id}",
        "header.X-Time": "{timestamp}",
        "header.X-Signature": "{signature}",
    },
}
SILENT = {"oauth2_authorization_code", "mtls", "oauth2_tls_client_auth"}
"""Schemes that send nothing here: without a member's link, or over plain HTTP."""
TROUBLE: dict[str, Behaviour] = {
    "refused": echo,
    "failed": answers(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
    "reset": reset,
    "closed": close,
    "nonsense": answers(b"220 smtp ready\r\n\r\n", close=True),
}


def manifest(scheme: str) -> Manifest:
    return Manifest(
        name="canary",
        title="Canary",
        segment="any",
        api_version=1,
        capabilities=(),
        auth=scheme,
        credentials=cast("dict[str, Literal['secret', 'text']]", CREDENTIALS[scheme]),
        auth_settings=SETTINGS.get(scheme, {}),
        facts=Facts(on_repeat="again"),
        limits=Limits(deadline_seconds=2.0),
    )


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged at DEBUG, chatty libraries included, in the form in which it is written."""
    stream = io.StringIO()
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    observability.configure_logging(LoggingSettings(level="DEBUG"), stream)
    for name in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    for name in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def everything_shown(scheme: str, behaviour: Behaviour | None) -> tuple[str, int]:
    """Make calls that go wrong, and answer all that is shown of them, and how many requests came."""
    credentials = {name: Secret(value_of(name)) for name in CREDENTIALS[scheme]}
    shown: list[Any] = []
    async with raw_partner(behaviour or close) as partner:
        base_url = partner.base_url if behaviour is not None else "http://127.0.0.1:9"
        context = open_context(
            partner="canary",
            manifest=manifest(scheme),
            base_url=base_url,
            credentials=credentials,
            options={},
            clock=SystemClock(),
        )
        try:
            for _ in range(2):
                call = PartnerCall(operation="reserve", method="POST", path="/v1/things", body=b"{}")
                answer = await context.client.call(call)
                shown.append(answer if not isinstance(answer, PartnerAnswer) else (answer.status, str(type(answer))))
                logging.getLogger("partner").debug("answered %s by %s of %s", answer, context.client, context)
        except Exception:
            logging.getLogger("partner").exception("it raised")
            shown.append(traceback.format_exc())
        finally:
            await context.client.aclose()
        shown += [
            context,
            vars(context.client),
            *map(vars, _parts(context.client)),
        ]
        return "\n".join(map(repr, shown)), len(partner.requests)


def _parts(client: Any) -> list[Any]:
    return [each for each in vars(client).values() if hasattr(each, "__dict__") and "sdk" in type(each).__module__]


@pytest.mark.parametrize("trouble", [*TROUBLE, "unreachable"])
@pytest.mark.parametrize("scheme", [scheme for scheme in CREDENTIALS if scheme != "none"])
async def test_no_secret_is_shown_when_a_call_goes_wrong(scheme: str, trouble: str, log: io.StringIO) -> None:
    for name, kind in CREDENTIALS[scheme].items():
        # As the gateway does: what is resolved as a secret is masked wherever a log has it.
        resolve_secret(f"simulator:{value_of(name)}", {}, masked=kind == "secret")
    shown, requests = await everything_shown(scheme, TROUBLE.get(trouble))
    assert requests or trouble == "unreachable" or scheme in SILENT
    text = shown + log.getvalue()
    assert '"logger":"partner"' in text, "at DEBUG"
    found = [name for each, name in SECRETS if each == scheme for form in forms(value_of(name)) if form in text]
    assert found == []


def test_every_scheme_has_a_canary_that_would_be_found() -> None:
    assert {scheme for scheme, _ in SECRETS} | {"none"} == set(CREDENTIALS)
    for _, name in SECRETS:
        text = f"before {value_of(name)!r} after"
        assert any(form in text for form in forms(value_of(name)))
        assert any(form in base64.b64encode(value_of(name).encode()).decode() for form in forms(value_of(name)))
