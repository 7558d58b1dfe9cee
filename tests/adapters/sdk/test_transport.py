"""The transport's honesty: every exception class of httpx and aiohttp is classed."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import httpx
import pytest
from aiohttp import http_exceptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.sdk import transport
from adapters.sdk.calls import CallFailure, PartnerCall
from adapters.sdk.client import FOREIGN_ERRORS, NOT_SENT_ERRORS, PartnerClient, classify
from adapters.sdk.manifest import Limits
from adapters.sdk.oauth2 import OAuth2ClientCredentials
from adapters.sdk.outcomes import Outcome
from adapters.sdk.transport import NEVER_SENT, CertificateInvalid, convert, make_client
from config.clock import SystemClock
from config.secrets import Secret

LOOK = PartnerCall(operation="look_up", method="GET", path="/")
NEVER_SENT_NAMES = {
    "ClientConnectorError",
    "ClientConnectorDNSError",
    "ClientConnectorSSLError",
    "ClientConnectorCertificateError",
    "ClientProxyConnectionError",
    "ClientSSLError",
    "ConnectionTimeoutError",
    "InvalidURL",
    "InvalidUrlClientError",
    "InvalidUrlRedirectClientError",
    "NonHttpUrlClientError",
    "NonHttpUrlRedirectClientError",
    "UnixClientConnectorError",
}
"""Raised by aiohttp 3.14 before there is a connection: read in its client and connector."""


def classes(module: object) -> list[type[Exception]]:
    found = [item for _, item in inspect.getmembers(module, inspect.isclass) if issubclass(item, Exception)]
    return [item for item in found if not issubclass(item, Warning)]


AIOHTTP = sorted({*classes(aiohttp.client_exceptions), *classes(http_exceptions)}, key=lambda item: item.__name__)


@pytest.mark.parametrize("kind", AIOHTTP, ids=lambda kind: kind.__name__)
def test_every_aiohttp_exception_is_converted(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    expected = httpx.ConnectError if kind.__name__ in NEVER_SENT_NAMES else httpx.ReadError
    if issubclass(kind, aiohttp.ClientConnectorCertificateError):
        expected = CertificateInvalid
    assert type(convert(error)) is expected


def test_the_cause_decides_what_httpx_aiohttp_calls_a_connect_timeout() -> None:
    lost = httpx.ConnectTimeout("misnamed")
    lost.__cause__ = aiohttp.ServerDisconnectedError()
    refused = httpx.ConnectTimeout("named well")
    refused.__cause__ = aiohttp.ConnectionTimeoutError()
    assert (type(convert(lost)), type(convert(refused))) == (httpx.ReadError, httpx.ConnectError)


@pytest.mark.parametrize("kind", classes(httpx), ids=lambda kind: kind.__name__)
def test_every_httpx_exception_is_caught_and_classed(kind: type[Exception]) -> None:
    assert issubclass(kind, FOREIGN_ERRORS)
    expected = Outcome.NOT_SENT if issubclass(kind, NOT_SENT_ERRORS) else Outcome.UNKNOWN
    assert classify(kind.__new__(kind)).outcome is expected


def test_only_five_httpx_exceptions_prove_that_nothing_was_sent() -> None:
    proving = {kind.__name__ for kind in classes(httpx) if issubclass(kind, NOT_SENT_ERRORS)}
    assert proving == {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "InvalidURL"}


def test_the_transport_lists_no_class_that_aiohttp_raises_late() -> None:
    late = (
        aiohttp.ServerDisconnectedError,
        aiohttp.ClientPayloadError,
        aiohttp.SocketTimeoutError,
        aiohttp.ClientOSError,
    )
    assert not any(issubclass(kind, NEVER_SENT) for kind in late)


async def test_clients_trust_no_environment_and_follow_nothing() -> None:
    async with make_client() as client:
        assert (client.trust_env, client.follow_redirects) == (False, False)
        inner = client._transport
        assert isinstance(inner, transport.PartnerTransport)
        assert inner.ssl_context.verify_mode is ssl.CERT_REQUIRED
        assert inner.ssl_context.check_hostname


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign("authority", self.key, timedelta(days=1))
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, address: str, life: timedelta) -> ssl.SSLContext:
        """Make a server's context with a certificate for an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(address, key, life)
        path = self.folder / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, life: timedelta) -> x509.Certificate:
        now = datetime.now(UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=2))
        builder = builder.not_valid_after(now + life)
        builder = builder.add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
        if name != "authority":
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


BAD = CallFailure(Outcome.NOT_SENT, "certificate")


@asynccontextmanager
async def served(context: ssl.SSLContext, *, trusting: Path | None) -> AsyncIterator[tuple[PartnerClient, list[str]]]:
    """Serve with a certificate; give who calls, and what the server noticed."""
    noticed: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            noticed.append("request")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    context.sni_callback = lambda *_: noticed.append("handshake")
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    http = make_client(ca_file=trusting)
    base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = PartnerClient(base_url=base_url, limits=Limits(), clock=SystemClock(), http=http)
    try:
        yield client, noticed
    finally:
        await client.aclose()
        server.close()


@pytest.mark.parametrize(
    ("address", "life", "trusted", "expected"),
    [
        ("127.0.0.1", timedelta(days=1), True, 200),
        ("127.0.0.1", timedelta(days=1), False, BAD),
        ("127.0.0.2", timedelta(days=1), True, BAD),
        ("127.0.0.1", timedelta(days=-1), True, BAD),
        ("127.0.0.2", timedelta(days=-1), False, BAD),
    ],
    ids=["trusted", "unknown_authority", "wrong_name", "expired", "all_of_them"],
)
async def test_nw_03_a_bad_certificate_is_not_sent(
    tmp_path: Path, address: str, life: timedelta, trusted: bool, expected: CallFailure | int
) -> None:
    authority = Authority(tmp_path)
    context = authority.server(address, life)
    async with served(context, trusting=authority.file if trusted else None) as (client, noticed):
        result = await client.call(LOOK)
        assert (result if isinstance(result, CallFailure) else result.status) == expected
        if expected == 200:
            assert (noticed, client.handshakes.failed) == (["handshake", "request"], 0)
            return
        assert noticed == ["handshake"], "nothing is sent, and nothing is tried again"
        assert (client.handshakes.failed, client.handshakes.last) == (1, "certificate")


async def test_nw_03_a_bad_certificate_opens_the_breaker_as_a_closed_port_does(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with served(authority.server("127.0.0.2", timedelta(days=1)), trusting=authority.file) as (client, noticed):
        results = [await client.call(LOOK) for _ in range(21)]
    assert results == [BAD] * 20 + [CallFailure(Outcome.NOT_SENT, "breaker_open")]
    assert noticed == ["handshake"] * 20


@pytest.mark.parametrize(
    ("says", "noticed"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", (3, "handshake")), (b"", (0, ""))],
    ids=["speaks_no_tls", "hangs_up"],
)
async def test_nw_03_a_handshake_that_fails_is_not_sent_and_never_done_without_tls(
    says: bytes, noticed: tuple[int, str]
) -> None:
    """It may be an accident, so it is tried again; a line that breaks says nothing of the partner's TLS."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.write(says)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = PartnerClient(base_url=base_url, limits=Limits(), clock=SystemClock())
    assert await client.call(LOOK) == CallFailure(Outcome.NOT_SENT, "connect")
    assert (client.handshakes.failed, client.handshakes.last) == noticed
    assert len(heard) == 3
    assert not [each for each in heard if b"GET" in each]
    await client.aclose()
    server.close()


async def test_nw_03_no_token_is_fetched_over_a_bad_certificate_and_that_is_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with served(authority.server("127.0.0.2", timedelta(days=1)), trusting=authority.file) as (plain, noticed):
        scheme = OAuth2ClientCredentials(Secret("club"), Secret("s"), token_path="/token")
        client = PartnerClient(
            base_url=plain.base_url,
            limits=Limits(),
            clock=SystemClock(),
            authenticator=scheme,
            http=make_client(ca_file=authority.file),
        )
        assert await client.call(LOOK) == BAD
        await client.aclose()
    assert (noticed, client.handshakes.failed) == (["handshake"], 1)
