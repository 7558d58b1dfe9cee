"""One partner's client: an adapter asks, and gets a whole answer or a classed failure; never an exception.

Around each call: one wall-clock deadline, a bulkhead, a breaker, authentication, a byte cap while reading, identity
encoding, no redirects, and at most two more tries of what provably was not sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import httpx
import tenacity

from adapters.sdk.auth import Authenticator, NoAuthentication
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall, full_url
from adapters.sdk.guards import Breaker, Bulkhead, BulkheadFullError
from adapters.sdk.manifest import Limits
from adapters.sdk.outcomes import Outcome
from adapters.sdk.personal import undeclared_field
from adapters.sdk.transport import make_client
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
        """
        self.base_url = base_url.rstrip("/")
        self.limits = limits
        self.breaker = Breaker(clock)
        self._clock = clock
        self._authenticator = authenticator or NoAuthentication()
        self._personal_fields = frozenset(personal_fields)
        self._request_id = request_id
        self._bulkhead = Bulkhead(limits.concurrency, limits.queue)
        connect = min(3.0, limits.deadline_seconds / 2)
        self._http = http or make_client(max_connections=limits.concurrency, connect_timeout_seconds=connect)

    @property
    def turns_away(self) -> bool:
        """Whether a call now would be turned away by us: no place to wait in, or the breaker is open."""
        return self._bulkhead.is_full or self.breaker.turns_away

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def call(self, call: PartnerCall) -> PartnerAnswer | CallFailure:
        """Make one call.

        Answers:
            the partner's whole answer, whatever its status; or a failure: NOT_SENT only when provably nothing of the
            request was written, with the reason ``connect``, ``bulkhead``, ``breaker_open``, ``authentication:...`` or
            ``undeclared_personal_field:...``; UNKNOWN otherwise.
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
        written = asyncio.Event()
        try:
            async with asyncio.timeout(call.deadline_seconds or self.limits.deadline_seconds), self._bulkhead.slot():
                return await self._authenticated(call, written)
        except BulkheadFullError:
            return CallFailure(Outcome.NOT_SENT, "bulkhead")
        except TimeoutError:
            return CallFailure(Outcome.UNKNOWN if written.is_set() else Outcome.NOT_SENT, "deadline")

    async def _authenticated(self, call: PartnerCall, written: asyncio.Event) -> PartnerAnswer | CallFailure:
        answer = await self._attempt(call, written)
        if isinstance(answer, PartnerAnswer) and self._authenticator.refused(answer):
            return await self._attempt(call, written)
        return answer

    async def _attempt(self, call: PartnerCall, written: asyncio.Event) -> PartnerAnswer | CallFailure:
        """Authenticate and send; try again what was not sent. Each try is signed afresh: none of them was seen."""

        async def once() -> PartnerAnswer | CallFailure:
            signed = await self._authenticator.authenticate(call, self.base_url, self._clock.now(), self._exchange)
            if isinstance(signed, CallFailure):
                return signed
            written.set()
            answer = await self._exchange(signed)
            if isinstance(answer, CallFailure) and answer.outcome is Outcome.NOT_SENT:
                written.clear()
            return answer

        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_exponential(multiplier=0.05, max=0.5),
            retry=tenacity.retry_if_result(_worth_another_try),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
            sleep=self._clock.sleep,
        )
        result: PartnerAnswer | CallFailure = await retrying(once)
        return result

    async def _exchange(self, call: PartnerCall) -> PartnerAnswer | CallFailure:
        try:
            request = self._http.build_request(
                call.method, full_url(self.base_url, call), headers=self._headers(call), content=call.body
            )
            response = await self._http.send(request, stream=True, follow_redirects=False)
        except FOREIGN_ERRORS as error:
            return classify(error)
        try:
            return await self._read(response, call.body_cap_bytes or self.limits.body_cap_bytes)
        except FOREIGN_ERRORS as error:
            return CallFailure(Outcome.UNKNOWN, f"answer:{type(error.__cause__ or error).__name__}")

    async def _read(self, response: httpx.Response, cap: int) -> PartnerAnswer | CallFailure:
        try:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                return CallFailure(Outcome.UNKNOWN, "answer:encoded")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > cap:
                    return CallFailure(Outcome.UNKNOWN, "answer:too_large")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return PartnerAnswer(status=response.status_code, headers=headers, body=bytes(body))
        finally:
            await response.aclose()

    def _headers(self, call: PartnerCall) -> dict[str, str]:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"} | call.headers
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        request_id = self._request_id()
        if request_id:
            headers["X-Request-Id"] = request_id
        return headers


def classify(error: Exception) -> CallFailure:
    """Class an exception of the sending phase by what it proves."""
    if isinstance(error, NOT_SENT_ERRORS):
        return CallFailure(Outcome.NOT_SENT, "connect")
    return CallFailure(Outcome.UNKNOWN, f"lost:{type(error.__cause__ or error).__name__}")


def _worth_another_try(answer: PartnerAnswer | CallFailure) -> bool:
    return isinstance(answer, CallFailure) and answer == CallFailure(Outcome.NOT_SENT, "connect")


def _succeeded(answer: PartnerAnswer | CallFailure) -> bool | None:
    """Say what an answer tells of the partner's health; our own refusals tell nothing."""
    if isinstance(answer, PartnerAnswer):
        return answer.status < 500
    if answer.outcome is Outcome.NOT_SENT and answer.reason != "connect":
        return None
    return False
