"""Who a request comes from, as its access token says."""

from __future__ import annotations

from typing import Protocol

import msgspec

from catalogue.identifiers import is_identifier
from gateway.errors import ForbiddenError


class Principal(msgspec.Struct, frozen=True):
    """A verified caller. ``partner`` is the partner whose desk the client is, if it is one."""

    subject: str
    client_id: str
    scopes: frozenset[str]
    partner: str | None = None

    @property
    def caller(self) -> str:
        """The owner of idempotency keys and cursors: client and subject together."""
        return f"{self.client_id}/{self.subject}"

    @property
    def member_id(self) -> str:
        """The member that the token speaks for.

        Raises:
            ForbiddenError: it speaks for a system, not for a member.
        """
        if not is_identifier("member", self.subject):
            raise ForbiddenError("This needs a member's token; the token speaks for a system.")
        return self.subject

    @property
    def partner_id(self) -> str:
        """The partner that the client belongs to.

        Raises:
            ForbiddenError: the client belongs to no partner.
        """
        if self.partner is None:
            raise ForbiddenError("This needs the token of a partner's client.")
        return self.partner


class TokenVerifier(Protocol):
    """Turns an access token into a principal; which issuer is behind it is its own affair."""

    async def verify(self, token: str) -> Principal:
        """Verify signature, issuer, audience, type and times.

        Raises:
            UnauthenticatedError: the token is not accepted; the message never says why.
        """
        ...
