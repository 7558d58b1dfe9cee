"""Tables of links: one row per member and partner, and the requests to link that are on their way."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import metadata
from config.types import Instant

STATES = ("pending", "active", "expiring", "re_consent", "revoked_by_member", "revoked_by_partner")
USABLE = ("pending", "active", "expiring")
"""States in which tokens, where there are any, may be used."""

partner_links = sa.Table(
    "partner_links",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("member_id", sa.String(40), sa.ForeignKey("members.id"), nullable=False),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("state", sa.String(24), nullable=False),
    sa.Column("account_number", sa.String(64)),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("refresh_attempts", sa.Integer, nullable=False),
    sa.Column("key_version", sa.String(16)),
    sa.Column("access_sealed", sa.LargeBinary),
    sa.Column("refresh_sealed", sa.LargeBinary),
    sa.Column("access_ends_at", Instant),
    sa.Column("ends_at", Instant),
    sa.Column("scope", sa.String(500), nullable=False),
    sa.Column("revoke_due_at", Instant, index=True),
    sa.Column("revoke_attempts", sa.Integer, nullable=False),
    sa.Column("linked_at", Instant),
    sa.Column("updated_at", Instant, nullable=False),
    sa.UniqueConstraint("member_id", "partner"),
    sa.CheckConstraint(
        "state IN ('pending', 'active', 'expiring', 're_consent', 'revoked_by_member', 'revoked_by_partner')",
        name="state",
    ),
)
"""A member's permission at a partner. Tokens are sealed (`gateway.links.sealing`); ``generation`` counts them.

``refresh_attempts``: how often the present refresh token was sent without an answer that was kept. ``revoke_due_at``:
the partner is still to be told that the member has ended it; until then the refresh token is kept for that alone.
"""

partner_link_requests = sa.Table(
    "partner_link_requests",
    metadata,
    sa.Column("state_hash", sa.String(64), primary_key=True),
    sa.Column("link_id", sa.String(40), sa.ForeignKey("partner_links.id"), nullable=False, index=True),
    sa.Column("key_version", sa.String(16), nullable=False),
    sa.Column("verifier_sealed", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
    sa.Column("used_at", Instant),
)
"""A member is at the partner's page: the hash of ``state`` and the PKCE verifier, for ten minutes and one answer."""
