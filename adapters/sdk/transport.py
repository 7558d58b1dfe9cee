"""The one module that makes HTTP clients: for partners, keys and webhooks, ours and the simulators'.

The httpx interface over aiohttp's transport, with their defaults mended:

- httpx-aiohttp reports a connection lost *after* the request was written as ``ConnectTimeout``; here ``ConnectError``
  is raised only when provably nothing was written, everything later is ``ReadError``.
- aiohttp silently sends an idempotent request again when a kept connection was lost; here it never does.
- What arrives on a kept connection while nothing is asked is never an answer (`adapters.sdk.connections`).
- Cookies are neither kept nor sent; redirects, proxies and credentials from the environment are not followed.
- TLS certificates are always verified; there is no switch, and one that is not to be trusted has a class of its own.
- A partner refuses our own certificate, in TLS 1.3, after our side of the handshake: a new connection that carries one
  rests a moment before it is used, and an alert about it before anything else proves that no request was read.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import AsyncIterator
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from adapters.sdk.connections import CertificateAlertError, QuietConnector, is_certificate_alert
from adapters.sdk.mutual_tls import TlsIdentity

NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientConnectorSSLError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    CertificateAlertError,
)
"""aiohttp's errors that are raised before a connection was there to write to."""


class LostAfterWriteError(aiohttp.ClientError):
    """The connection broke when the request may have been written: never sent again by the library."""


class CertificateRefused(httpx.ConnectError):
    """The partner's TLS refused our certificate, or asked for one that we have not; nothing was read of the request."""


class CertificateInvalid(httpx.ConnectError):
    """The partner's certificate is not to be trusted: another name, out of its days, of an unknown authority."""


class HandshakeFailed(httpx.ConnectError):
    """The two sides found no way to speak TLS: no common version or cipher, or the partner speaks no TLS there."""


def make_client(
    *,
    connect_timeout_seconds: float = 3.0,
    max_connections: int = 64,
    keep_alive_seconds: float = 20.0,
    ca_file: Path | None = None,
    identity: TlsIdentity | None = None,
) -> httpx.AsyncClient:
    """Make a client. It has no total deadline of its own: the caller puts one around each call (`asyncio.timeout`).

    Args:
        connect_timeout_seconds: for name, connection and TLS together, waiting for a free connection included.
        max_connections: at once; the partner's bulkhead should be no larger.
        keep_alive_seconds: how long an idle connection is kept.
        ca_file: PEM certificates to trust instead of the public ones, for a partner with a private authority.
        identity: our own certificate, for a partner that asks for one.
    """
    return httpx.AsyncClient(
        transport=make_transport(max_connections, keep_alive_seconds, ca_file, identity),
        timeout=httpx.Timeout(None, connect=connect_timeout_seconds, pool=connect_timeout_seconds),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def make_transport(
    max_connections: int = 64,
    keep_alive_seconds: float = 20.0,
    ca_file: Path | None = None,
    identity: TlsIdentity | None = None,
) -> PartnerTransport:
    """Make what a client sends by; see `make_client`. Who asks it itself sets the time to connect in the request."""
    transport = PartnerTransport(
        verify=_tls_context(ca_file) if identity is None else _identified(ca_file, identity),
        trust_env=False,
        limits=httpx.Limits(max_connections=max_connections, keepalive_expiry=keep_alive_seconds),
        client=lambda: _session(transport, shows_certificate=identity is not None),
    )
    return transport


class PartnerTransport(AiohttpTransport):
    """aiohttp's transport with honest exceptions: see the module's docstring."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and convert every foreign exception.

        Raises:
            httpx.ConnectError: provably nothing of the request was written.
            httpx.ReadError: anything else went wrong.
        """
        try:
            response = await super().handle_async_request(request)
        except Exception as error:
            raise convert(error, request) from error
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _HonestStream(response.stream, request)
        return response


class _HonestStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, request: httpx.Request) -> None:
        self._inner = inner
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner:
                yield chunk
        except Exception as error:
            raise httpx.ReadError(type(error).__name__, request=self._request) from error

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        except Exception as error:
            raise httpx.CloseError(type(error).__name__, request=self._request) from error


def convert(error: Exception, request: httpx.Request | None = None) -> httpx.TransportError:
    """Give any exception of aiohttp, of the operating system or of httpx-aiohttp its honest httpx class."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, NEVER_SENT):
        cause = cause.__cause__
    name = type(cause or error.__cause__ or error).__name__
    if isinstance(cause, CertificateAlertError) or _refused_in_handshake(cause):
        return CertificateRefused(name, request=request)
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        return CertificateInvalid(name, request=request)
    if _failed_in_handshake(cause):
        return HandshakeFailed(name, request=request)
    return httpx.ReadError(name, request=request) if cause is None else httpx.ConnectError(name, request=request)


async def _never_resend(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except NEVER_SENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise LostAfterWriteError(type(error).__name__) from error


def _session(transport: AiohttpTransport, *, shows_certificate: bool) -> aiohttp.ClientSession:
    connector = QuietConnector(
        shows_certificate=shows_certificate,
        ssl=transport.ssl_context,
        limit=transport.limits.max_connections or 0,
        keepalive_timeout=transport.limits.keepalive_expiry,
    )
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), middlewares=(_never_resend,), trust_env=False
    )


def _refused_in_handshake(cause: BaseException | None) -> bool:
    """Say whether a handshake (TLS 1.2) ended by an alert about our certificate."""
    return isinstance(cause, aiohttp.ClientConnectorError) and is_certificate_alert(getattr(cause, "os_error", None))


def _failed_in_handshake(cause: BaseException | None) -> bool:
    """Say whether TLS itself gave up; a line that breaks under a handshake is told otherwise."""
    return isinstance(cause, aiohttp.ClientConnectorSSLError) and isinstance(
        getattr(cause, "os_error", None), ssl.SSLError
    )


def _identified(ca_file: Path | None, identity: TlsIdentity) -> ssl.SSLContext:
    """Make a context of one client's own, with its certificate; the key is encrypted in the file that OpenSSL reads."""
    context = ssl.create_default_context(cafile=str(ca_file)) if ca_file else httpx.create_ssl_context(trust_env=False)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "identity.pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(identity.pem.reveal())
        context.load_cert_chain(path, password=identity.password.reveal())
    return context


@lru_cache(maxsize=16)
def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is not None:
        return ssl.create_default_context(cafile=str(ca_file))
    return httpx.create_ssl_context(verify=True, trust_env=False)
