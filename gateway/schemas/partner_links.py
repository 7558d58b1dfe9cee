"""Links to accounts at partners, as the member app sees them."""

from __future__ import annotations

from datetime import datetime

import msgspec

ENTERED = "entered"
"""The state of an account that the member typed in at a partner where nobody links."""


class AuthorizationAnswer(msgspec.Struct, frozen=True):
    """Where to send the member's browser; the partner's answer is taken until ``expires_at``."""

    authorization_url: str
    expires_at: datetime


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """One link: ``pending``, ``active``, ``expiring``, ``re_consent``, ``revoked_by_member``, ``revoked_by_partner``.

    ``entered`` is no link but a number that the member gave. ``ends_at``: when the partner wants his consent again.
    ``verified_at``: when the partner last said that the account is his.
    """

    partner: str
    state: str
    account_number: str | None = None
    linked_at: datetime | None = None
    ends_at: datetime | None = None
    verified_at: datetime | None = None


class LinkViews(msgspec.Struct, frozen=True):
    """Every link of the member, by partner."""

    items: list[LinkView]
