"""One partner's client: an adapter asks, and gets a whole answer or a classed failure; never an exception.

Around each call: one wall-clock deadline, a bulkhead, a breaker, authentication, a byte cap while reading, identity
encoding, no redirects, and at most two more tries of what provably was not sent, while a budget of retries lasts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeGuard

import httpx
import tenacity

from adapters.sdk.auth import Authenticator, NoAuthentication
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall, full_url
from adapters.sdk.guards import (
    CERTIFICATE,
    CONNECT,
    NOT_CONNECTED,
    Breaker,
    Bulkhead,
    BulkheadFullError,
    Handshakes,
    RetryBudget,
)
from adapters.sdk.link_authenticator import LinkAuthenticator
from adapters.sdk.manifest import Limits
from adapters.sdk.mutual_tls import identity_of
from adapters.sdk.outcomes import Outcome
from adapters.sdk.personal import undeclared_field
from adapters.sdk.transport import (
    CertificateInvalid,
    CertificateRefused,
    HandshakeFailed,
    PartnerTransport,
    make_transport,
)
from config.clock import Clock

__all__ = ["CallFailure", "PartnerAnswer", "PartnerCall", "PartnerClient", "classify"]

NOT_SENT_ERRORS = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
"""httpx's errors that prove that nothing was written, given the honest transport; every other one is UNKNOWN."""
FOREIGN_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict)
"""The roots of everything httpx raises."""
TRIES = 3
_ALWAYS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
    "User-Agent": f"python-httpx/{httpx.__version__}",
}


class PartnerClient:
    """See the module. One object per partner and process; it owns its connections."""

    def __init__(
        self,
        *,
        base_url: str,
        limits: Limits,
        clock: Clock,
        authenticator: Authenticator | None = None,
        personal_fields: Collection[str] = (),
        request_id: Callable[[], str | None] = lambda: None,
        http: httpx.AsyncClient | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Make the client; connections are opened by the first call.

        Args:
            base_url: scheme, host, port and an optional path prefix.
            limits: the manifest's.
            clock: for the breaker, the signatures and the pauses between tries.
            authenticator: None: calls go out as they are.
            personal_fields: the manifest's; a call that holds another is not sent.
            request_id: answers the correlation id of the work at hand, sent as ``X-Request-Id``.
            http: a client to use instead of our own; tests inject one.
            ca_file: PEM certificates to trust instead of the public ones.
        """
        self.base_url = base_url.rstrip("/")
        self.links: LinkAuthenticator | None = None
        self.limits = limits
        self.breaker = Breaker(clock)
        self.retries = RetryBudget()
        self.handshakes = Handshakes()
        self._clock = clock
        self._authenticator = authenticator or NoAuthentication()
        self._personal_fields = frozenset(personal_fields)
        self._request_id = request_id
        self._bulkhead = Bulkhead(limits.concurrency, limits.queue)
        self._send, self._close = _ways(
            http, lambda: make_transport(limits.concurrency, ca_file=ca_file, identity=identity_of(authenticator))
        )
        connect = min(3.0, limits.deadline_seconds / 2)
        self._extensions = {"timeout": httpx.Timeout(None, connect=connect, pool=connect).as_dict()}

    @property
    def turns_away(self) -> bool:
        """Whether a call now would be turned away by us: no place to wait in, or the breaker is open."""
        return self._bulkhead.is_full or self.breaker.turns_away

    async def aclose(self) -> None:
        """Close every connection, once the refreshes of members' tokens under way are kept."""
        if self.links is not None:
            await self.links.settle()
        await self._close()

    async def call(self, call: PartnerCall) -> PartnerAnswer | CallFailure:
        """Make one call.

        Answers:
            the partner's whole answer, whatever its status; or a failure: NOT_SENT only when provably nothing of the
            request was written, with the reason ``connect``, ``certificate`` (the partner's is not to be trusted; it is
            not tried again), ``bulkhead``, ``deadline`` (it waited too long for its turn), ``breaker_open``,
            ``authentication:...`` or ``undeclared_personal_field:...``; UNKNOWN otherwise.
        """
        field = undeclared_field(call, self._personal_fields)
        if field is not None:
            return CallFailure(Outcome.NOT_SENT, f"undeclared_personal_field:{field}")
        ticket = self.breaker.allow()
        if ticket is None:
            return CallFailure(Outcome.NOT_SENT, "breaker_open")
        succeeded: bool | None = None
        try:
            answer = await self._within_deadline(call)
            succeeded = _succeeded(answer)
            return answer
        finally:
            self.breaker.record(ticket, succeeded)

    async def _within_deadline(self, call: PartnerCall) -> PartnerAnswer | CallFailure:
        sent = _Sent()
        seconds = call.deadline_seconds or self.limits.deadline_seconds
        too_late = self._clock.monotonic() + seconds
        try:
            async with asyncio.timeout(seconds), self._bulkhead.slot():
                if self._clock.monotonic() >= too_late:
                    # Whoever asked has given up while this waited its turn: the partner need not be bothered.
                    return CallFailure(Outcome.NOT_SENT, "deadline")
                self.retries.earn()
                return await self._authenticated(call, sent)
        except BulkheadFullError:
            return CallFailure(Outcome.NOT_SENT, "bulkhead")
        except TimeoutError:
            return CallFailure(Outcome.UNKNOWN if sent.maybe else Outcome.NOT_SENT, "deadline")

    async def _authenticated(self, call: PartnerCall, sent: _Sent) -> PartnerAnswer | CallFailure:
        answer = await self._attempt(call, sent)
        if isinstance(answer, PartnerAnswer) and self._is_refused(call, sent, answer):
            return await self._attempt(call, sent)
        return answer

    def _is_refused(self, call: PartnerCall, sent: _Sent, answer: PartnerAnswer) -> bool:
        """Say whether the partner wants other credentials, and there are fresh ones to be had."""
        if not call.authenticated:
            return False
        if call.link is not None:
            return self.links is not None and self.links.refused(sent.signed, answer)
        return self._authenticator.refused(answer)

    async def _attempt(self, call: PartnerCall, sent: _Sent) -> PartnerAnswer | CallFailure:
        """Authenticate and send; try again what was not sent."""
        answer = await self._once(call, sent)
        return await self._again(call, sent, answer) if _worth_another_try(answer) else answer

    async def _again(self, call: PartnerCall, sent: _Sent, first: CallFailure) -> PartnerAnswer | CallFailure:
        """Go on after a first try that was not sent. Each try is signed afresh: none of them was seen."""
        tried = [first]

        async def once() -> PartnerAnswer | CallFailure:
            return tried.pop() if tried else await self._once(call, sent)

        retrying = tenacity.AsyncRetrying(
            wait=tenacity.wait_exponential(multiplier=0.05, max=0.5),
            retry=self._is_tried_again,
            sleep=self._clock.sleep,
        )
        result: PartnerAnswer | CallFailure = await retrying(once)
        return result

    def _is_tried_again(self, state: tenacity.RetryCallState) -> bool:
        """Say whether a call is made again: only what was not sent, and only as often as the budget allows."""
        outcome = state.outcome
        if outcome is None or outcome.failed or state.attempt_number >= TRIES:
            return False
        return _worth_another_try(outcome.result()) and self.retries.spend()

    async def _once(self, call: PartnerCall, sent: _Sent) -> PartnerAnswer | CallFailure:
        signed = await self._signed(call)
        if isinstance(signed, CallFailure):
            return signed
        sent.maybe, sent.signed = True, signed
        answer = await self._exchange(signed)
        if isinstance(answer, CallFailure) and answer.outcome is Outcome.NOT_SENT:
            sent.maybe = False
        return answer

    async def _signed(self, call: PartnerCall) -> PartnerCall | CallFailure:
        if not call.authenticated:
            return call
        if call.link is None:
            return await self._authenticator.authenticate(call, self.base_url, self._clock.now(), self._exchange)
        if self.links is None:
            return CallFailure(Outcome.NOT_SENT, "authentication:no_vault")
        return await self.links.authenticate(call, self.base_url, self._clock.now(), self._exchange)

    async def _exchange(self, call: PartnerCall) -> PartnerAnswer | CallFailure:
        try:
            request = httpx.Request(
                call.method,
                _parsed(full_url(self.base_url, call)),
                headers=self._headers(call),
                content=call.body,
                extensions=self._extensions,
            )
            response = await self._send(request)
        except FOREIGN_ERRORS as error:
            self._notice(error)
            return classify(error)
        try:
            return await self._read(response, call.body_cap_bytes or self.limits.body_cap_bytes)
        except FOREIGN_ERRORS as error:
            return CallFailure(Outcome.UNKNOWN, f"answer:{type(error.__cause__ or error).__name__}")

    def _notice(self, error: Exception) -> None:
        if isinstance(error, CertificateInvalid):
            self.handshakes.fail(CERTIFICATE)
        elif isinstance(error, HandshakeFailed):
            self.handshakes.fail("handshake")

    async def _read(self, response: httpx.Response, cap: int) -> PartnerAnswer | CallFailure:
        try:
            headers = _plain(response.headers)
            if headers.get("content-encoding", "identity").lower() != "identity":
                return CallFailure(Outcome.UNKNOWN, "answer:encoded")
            body = bytearray()
            assert isinstance(response.stream, httpx.AsyncByteStream)
            async for chunk in response.stream:
                body += chunk
                if len(body) > cap:
                    return CallFailure(Outcome.UNKNOWN, "answer:too_large")
            return PartnerAnswer(status=response.status_code, headers=headers, body=bytes(body))
        finally:
            await response.aclose()

    def _headers(self, call: PartnerCall) -> dict[str, str]:
        headers = _ALWAYS | call.headers
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        request_id = self._request_id()
        if request_id:
            headers["X-Request-Id"] = request_id
        return headers


class _Sent:
    """Whether anything of a call may have been written, and how it was signed last."""

    __slots__ = ("maybe", "signed")

    def __init__(self) -> None:
        self.maybe = False
        self.signed: PartnerCall | None = None


Send = Callable[[httpx.Request], Awaitable[httpx.Response]]


def _ways(
    http: httpx.AsyncClient | None, make: Callable[[], PartnerTransport]
) -> tuple[Send, Callable[[], Awaitable[None]]]:
    """Give what sends and what closes: the transport itself, of our own, or a client that was given.

    Of a client we need nothing beyond its transport, and it costs half as much again.
    """
    if http is not None:
        return partial(http.send, stream=True, follow_redirects=False), http.aclose
    transport = make()
    return transport.handle_async_request, transport.aclose


@lru_cache(maxsize=1_024)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Give headers by lower-case name, several of one name joined; read as latin-1 unless all are ASCII or UTF-8."""
    found: dict[str, str] = {}
    for name, value in headers.raw:
        if not (name.isascii() and value.isascii()):
            return {name.lower(): value for name, value in headers.items()}
        key, text = name.decode().lower(), value.decode()
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def classify(error: Exception) -> CallFailure:
    """Class an exception of the sending phase by what it proves."""
    if isinstance(error, CertificateRefused):
        return CallFailure(Outcome.NOT_SENT, "authentication:certificate_refused")
    if isinstance(error, CertificateInvalid):
        return CallFailure(Outcome.NOT_SENT, CERTIFICATE)
    if isinstance(error, NOT_SENT_ERRORS):
        return CallFailure(Outcome.NOT_SENT, CONNECT)
    return CallFailure(Outcome.UNKNOWN, f"lost:{type(error.__cause__ or error).__name__}")


def _worth_another_try(answer: PartnerAnswer | CallFailure) -> TypeGuard[CallFailure]:
    return isinstance(answer, CallFailure) and answer.outcome is Outcome.NOT_SENT and answer.reason == CONNECT


def _succeeded(answer: PartnerAnswer | CallFailure) -> bool | None:
    """Say what an answer tells of the partner's health; our own refusals tell nothing."""
    if isinstance(answer, PartnerAnswer):
        return answer.status < 500
    if answer.outcome is Outcome.NOT_SENT and answer.reason not in NOT_CONNECTED:
        return None
    return False
