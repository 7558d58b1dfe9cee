"""Kept connections that belong to nobody: what arrives on one while no request is under way is never an answer.

aiohttp reads on from a connection that it keeps. An answer that a partner (or whoever sits between) sends unasked would
lie there and be taken for the answer to the next request. Here the connection is closed instead, and one that has
something to read when it is about to be used again is not used.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace


REST_SECONDS = 0.05
LONGEST_REST_SECONDS = 0.5

CERTIFICATE_ALERTS = (
    *("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_REVOKED"),
    *("CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA", "ACCESS_DENIED"),
)
"""The alerts by which a server refuses a client's certificate, as OpenSSL's reasons end (RFC 8446, section 6.2)."""


class CertificateAlertError(aiohttp.ClientError):
    """The partner refuses our certificate, and no request was read: an alert came first, or the end before we wrote."""


def is_certificate_alert(error: BaseException | None) -> bool:
    """Say whether OpenSSL tells of an alert, sent by the other side, about our certificate."""
    if not isinstance(error, ssl.SSLError):
        return False
    _, alert, name = (error.reason or "").partition("_ALERT_")
    return bool(alert) and name in CERTIFICATE_ALERTS


class QuietProtocol(ResponseHandler):
    """One connection, which closes itself when something arrives while it rests."""

    rests = False
    heard = False

    def connection_lost(self, exc: BaseException | None) -> None:
        """End; an alert about our certificate before anything was heard is told as what it proves."""
        if exc is not None and not self.heard and is_certificate_alert(exc):
            told = CertificateAlertError("the partner refuses our certificate")
            told.__cause__ = exc
            super().connection_lost(told)
            return
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes for the request under way; there is none: end."""
        self.heard = True
        if self.rests and data:
            self.force_close()
            self.close()
            return
        super().data_received(data)


class QuietConnector(aiohttp.TCPConnector):
    """aiohttp's connector with connections that rest between two requests, and speak only when they are asked."""

    def __init__(self, *, shows_certificate: bool = False, **settings: Any) -> None:
        """Take aiohttp's own settings; ``shows_certificate``: the connections carry a certificate of ours."""
        super().__init__(**settings)
        self._shows_certificate = shows_certificate
        made = partial(QuietProtocol, loop=asyncio.get_running_loop())
        self._factory = cast("partial[ResponseHandler]", made)

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    ) -> ResponseHandler:
        """Open a connection; one with a certificate of ours rests for about a way there and back before it is used.

        In TLS 1.3 our handshake is over before the server has judged the certificate. What it says against it is heard
        surely only while nothing else is on its way: an answer to a request that it does not read is a reset, which
        may overtake the alert.

        Raises:
            CertificateAlertError: the partner refused the certificate; nothing was written.
        """
        began = self._loop.time()
        protocol = await super()._create_connection(req, traces, timeout)
        closed = protocol.closed if self._shows_certificate else None
        if closed is not None:
            rest = min(max((self._loop.time() - began) / 2, REST_SECONDS), LONGEST_REST_SECONDS)
            try:
                await asyncio.wait([closed], timeout=rest)
            except asyncio.CancelledError:
                protocol.close()
                raise
            if closed.done():
                cause = closed.exception()
                raise CertificateAlertError("the partner ended the connection on seeing our certificate") from cause
        return protocol

    def _release(self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        if isinstance(protocol, QuietProtocol):
            protocol.rests = True
        super()._release(key, protocol, should_close=should_close)

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (kept := await super()._get(key, traces)) is not None:
            protocol = kept.protocol
            if isinstance(protocol, QuietProtocol) and not _has_something_to_read(protocol):
                protocol.rests = False
                return kept
            kept.close()
        return None


def _has_something_to_read(protocol: QuietProtocol) -> bool:
    """Say whether bytes, or the end, have arrived that were not read yet."""
    socket = protocol.transport.get_extra_info("socket") if protocol.transport is not None else None
    if socket is None or socket.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return bool(poll.poll(0))
