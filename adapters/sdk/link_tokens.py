"""A member's tokens at a partner, and the vault that keeps them: what the gateway implements. Pure.

A link is one member's permission at one partner, named by an identifier of the gateway's. Its tokens have a generation:
each refresh makes the next one, and whoever writes says which generation he saw.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from config.secrets import Secret

LONGEST_ACCESS_SECONDS = 86_400


class LinkTokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner gave. Instants are aware; ``link_ends_at`` is when the refresh token ends, where that is told."""

    access_token: Secret
    access_ends_at: datetime
    refresh_token: Secret | None = None
    link_ends_at: datetime | None = None
    scope: str = ""


class HeldTokens(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as the vault holds them."""

    generation: int
    tokens: LinkTokens


class LinkedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Who the member is at the partner: his account, and his tier there where it is told."""

    account_number: str
    tier: str | None = None


class TokenVault(Protocol):
    """Keeps tokens, encrypted, for every process; each method is one durable transaction."""

    async def read(self, link: str) -> HeldTokens | None:
        """Give the tokens of a link; None when there is no link that can be used."""
        ...

    async def begin(self, link: str, generation: int, holder: str, seconds: int) -> bool:
        """Take the lease of a refresh and note that this generation's refresh token is about to be sent.

        False when another holds the lease, or the generation is no longer the vault's: read again.
        """
        ...

    async def replace(self, link: str, generation: int, tokens: LinkTokens) -> bool:
        """Keep new tokens in place of a generation and give the lease back; durable when it answers.

        False when the generation is no longer the vault's: nothing was written.
        """
        ...

    async def give_up(self, link: str, holder: str, *, unanswered: bool) -> None:
        """Give the lease back without new tokens; ``unanswered``: the token may have been spent all the same."""
        ...

    async def declare_dead(self, link: str, generation: int) -> bool:
        """End a link whose refresh token the partner refuses; False when the generation is no longer the vault's."""
        ...


class _TokenAnswer(msgspec.Struct, frozen=True):
    """RFC 6749 section 5.1; ``refresh_expires_in`` is no standard's word and widely used."""

    access_token: str
    token_type: str
    expires_in: int = 300
    refresh_token: str | None = None
    refresh_expires_in: int | None = None
    scope: str | None = None


def read_tokens(body: bytes, now: datetime, before: LinkTokens | None = None) -> LinkTokens:
    """Read the answer of a token endpoint.

    Args:
        body: the whole answer.
        now: when it was asked for; lives are counted from there.
        before: the tokens that were refreshed: a partner that does not rotate leaves the refresh token out.

    Raises:
        ProtocolError: not a bearer token with a life.
    """
    answer = decode(body, _TokenAnswer)
    if answer.token_type.lower() != "bearer" or not answer.access_token or answer.expires_in <= 0:
        raise ProtocolError("The token endpoint's answer is no bearer token.")
    refresh = Secret(answer.refresh_token) if answer.refresh_token else before.refresh_token if before else None
    ends_at = before.link_ends_at if before else None
    if answer.refresh_expires_in is not None and answer.refresh_expires_in > 0:
        ends_at = now + timedelta(seconds=min(answer.refresh_expires_in, 100 * 366 * LONGEST_ACCESS_SECONDS))
    return LinkTokens(
        access_token=Secret(answer.access_token),
        access_ends_at=now + timedelta(seconds=min(answer.expires_in, LONGEST_ACCESS_SECONDS)),
        refresh_token=refresh,
        link_ends_at=ends_at,
        scope=answer.scope if answer.scope is not None else before.scope if before else "",
    )
