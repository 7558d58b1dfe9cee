"""Calls in a member's name: his access token, refreshed once for everybody, kept before it is used.

What a crash does. The refresh token is noted as about to be sent, in the vault, before it is sent. When the process
dies between the partner's answer and our commit, the partner may have rotated the token and only the lost answer knew
the new one. After the lease has ended somebody sends the same token again: a partner that repeats its answer for a
while (our own contract does, longer than the lease lasts) gives the same tokens once more, and nothing was lost. One
that takes the repeat for a theft revokes everything; the link then ends as one that the member has to renew, and not
as one that he or the partner took back, for the vault knows that a token was sent before without an answer.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import msgspec

from adapters.sdk.auth_headers import with_headers
from adapters.sdk.calls import CallFailure, Exchange, PartnerAnswer, PartnerCall
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.link_tokens import HeldTokens, LinkTokens, TokenVault, read_tokens
from adapters.sdk.manifest import LinkingFacts
from adapters.sdk.oauth2 import token_failure
from adapters.sdk.outcomes import Outcome
from config.clock import Clock
from config.errors import GatewayError
from config.secrets import Secret

RENEW_BEFORE = timedelta(seconds=30)
LEASE_MARGIN_SECONDS = 5
LOOK_AGAIN_SECONDS = 0.1
REMEMBERED = 4096

Refreshed = LinkTokens | CallFailure


class LinkAuthenticator:
    """One partner's members. Within a process one refresh of a link runs at a time, across processes by the lease."""

    def __init__(
        self,
        *,
        facts: LinkingFacts,
        credentials: Mapping[str, Secret],
        vault: TokenVault,
        clock: Clock,
        deadline_seconds: float,
    ) -> None:
        """Keep the seams; ``deadline_seconds`` is for the token endpoint, and decides how long a lease lasts."""
        self._facts = facts
        self._credentials = credentials
        self._vault = vault
        self._clock = clock
        self._deadline = deadline_seconds
        self._running: dict[str, asyncio.Task[Refreshed]] = {}
        self._refused: dict[str, None] = {}

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add the access token of the call's link, refreshing it first when it has ended or was refused."""
        try:
            return await self._authenticated(call, now, exchange)
        except GatewayError:
            return _not_sent("vault")

    async def _authenticated(self, call: PartnerCall, now: datetime, exchange: Exchange) -> PartnerCall | CallFailure:
        link = call.link or ""
        held = await self._vault.read(link)
        if held is None:
            return _not_sent("link_not_active")
        ends_at = held.tokens.access_ends_at
        refused = _fingerprint(held.tokens.access_token.reveal()) in self._refused
        if not refused and now < ends_at - RENEW_BEFORE:
            return _stamped(call, held.tokens)
        found = await self._refreshed(link, held, exchange)
        if isinstance(found, CallFailure) and not refused and now < ends_at:
            # It still holds; that it cannot be renewed yet is no reason to refuse this call.
            return _stamped(call, held.tokens)
        return found if isinstance(found, CallFailure) else _stamped(call, found)

    def refused(self, sent: PartnerCall | None, answer: PartnerAnswer) -> bool:
        """Look at the answer to a call as it was sent; on 401 that access token is used no more."""
        if answer.status != 401 or sent is None:
            return False
        self._refused[_fingerprint(sent.headers.get("Authorization", "").removeprefix("Bearer "))] = None
        while len(self._refused) > REMEMBERED:
            del self._refused[next(iter(self._refused))]
        return True

    async def settle(self) -> None:
        """Wait for refreshes under way: what a partner answers must be kept, whoever asked."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _refreshed(self, link: str, seen: HeldTokens, exchange: Exchange) -> Refreshed:
        """Join the refresh that runs, or begin one. It goes on when whoever asked gives up."""
        task = self._running.get(link)
        if task is None:
            task = asyncio.create_task(self._refresh(link, seen.generation, exchange))
            self._running[link] = task
            task.add_done_callback(lambda _: self._running.pop(link, None))
        return await asyncio.shield(task)

    async def _refresh(self, link: str, seen: int, exchange: Exchange) -> Refreshed:
        holder, too_late = secrets.token_hex(8), self._clock.monotonic() + self._deadline
        while True:
            held = await self._vault.read(link)
            if held is None:
                return _not_sent("link_not_active")
            if held.generation != seen:
                return held.tokens
            if await self._vault.begin(link, seen, holder, int(self._deadline) + LEASE_MARGIN_SECONDS):
                return await self._exchanged(link, held, holder, exchange)
            if self._clock.monotonic() >= too_late:
                return _not_sent("refresh_under_way")
            await self._clock.sleep(LOOK_AGAIN_SECONDS)

    async def _exchanged(self, link: str, held: HeldTokens, holder: str, exchange: Exchange) -> Refreshed:
        refresh_token, now = held.tokens.refresh_token, self._clock.now()
        if refresh_token is None:
            return await self._ended(link, held)
        answer = await self._asked(refresh_token, exchange)
        if isinstance(answer, PartnerAnswer) and answer.status == 200:
            try:
                tokens = read_tokens(answer.body, now, held.tokens)
            except ProtocolError:
                await self._vault.give_up(link, holder, unanswered=True)
                return _not_sent("token_answer")
            return tokens if await self._vault.replace(link, held.generation, tokens) else await self._theirs(link)
        if isinstance(answer, PartnerAnswer) and answer.status == 400 and oauth_error(answer) == "invalid_grant":
            return await self._ended(link, held)
        if isinstance(answer, PartnerAnswer):
            await self._vault.give_up(link, holder, unanswered=answer.status >= 500)
            return _not_sent(f"status_{answer.status}")
        await self._vault.give_up(link, holder, unanswered=answer.outcome is not Outcome.NOT_SENT)
        return CallFailure(Outcome.NOT_SENT, token_failure(answer))

    async def _asked(self, refresh_token: Secret, exchange: Exchange) -> PartnerAnswer | CallFailure:
        headers, more = client_proof(self._facts, self._credentials)
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        call = PartnerCall(
            operation="refresh",
            method="POST",
            path=self._facts.token_path,
            headers=headers,
            body=urlencode(form | more).encode(),
            content_type="application/x-www-form-urlencoded",
        )
        try:
            async with asyncio.timeout(self._deadline):
                return await exchange(call)
        except TimeoutError:
            return CallFailure(Outcome.UNKNOWN, "deadline")

    async def _ended(self, link: str, held: HeldTokens) -> Refreshed:
        """The partner takes the token no more: unless somebody renewed it meanwhile, the link is over."""
        if await self._vault.declare_dead(link, held.generation):
            return _not_sent("link_ended")
        return await self._theirs(link)

    async def _theirs(self, link: str) -> Refreshed:
        """Give what another process kept before us."""
        held = await self._vault.read(link)
        return _not_sent("link_not_active") if held is None else held.tokens


class _OAuthError(msgspec.Struct, frozen=True):
    error: str = ""


def oauth_error(answer: PartnerAnswer) -> str:
    """Read the error of a token endpoint's answer (RFC 6749 section 5.2); empty when there is none."""
    try:
        return decode(answer.body, _OAuthError).error
    except ProtocolError:
        return ""


def client_proof(facts: LinkingFacts, credentials: Mapping[str, Secret]) -> tuple[dict[str, str], dict[str, str]]:
    """Prove which client asks: headers, and fields of the form (RFC 6749 section 2.3.1)."""
    client_id, secret = credentials["client_id"].reveal(), credentials["client_secret"].reveal()
    if facts.client_authentication == "body":
        return {}, {"client_id": client_id, "client_secret": secret}
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}, {}


def _stamped(call: PartnerCall, tokens: LinkTokens) -> PartnerCall:
    return with_headers(call, {"Authorization": f"Bearer {tokens.access_token.reveal()}"})


def _not_sent(reason: str) -> CallFailure:
    return CallFailure(Outcome.NOT_SENT, f"authentication:{reason}")


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
