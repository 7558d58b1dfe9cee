"""Members' links at partners: tokens sealed, requests to link that are on their way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "partner_links",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("member_id", sa.String(40), nullable=False),
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
        sa.Column("revoke_due_at", Instant),
        sa.Column("revoke_attempts", sa.Integer, nullable=False),
        sa.Column("linked_at", Instant),
        sa.Column("updated_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_links")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_partner_links_member_id_members")),
        sa.UniqueConstraint("member_id", "partner", name=op.f("uq_partner_links_member_id_partner")),
        sa.CheckConstraint(
            "state IN ('pending', 'active', 'expiring', 're_consent', 'revoked_by_member', 'revoked_by_partner')",
            name=op.f("ck_partner_links_state"),
        ),
    )
    op.create_index(op.f("ix_partner_links_revoke_due_at"), "partner_links", ["revoke_due_at"])
    op.create_table(
        "partner_link_requests",
        sa.Column("state_hash", sa.String(64), nullable=False),
        sa.Column("link_id", sa.String(40), nullable=False),
        sa.Column("key_version", sa.String(16), nullable=False),
        sa.Column("verifier_sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("used_at", Instant),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_partner_link_requests")),
        sa.ForeignKeyConstraint(
            ["link_id"], ["partner_links.id"], name=op.f("fk_partner_link_requests_link_id_partner_links")
        ),
    )
    op.create_index(op.f("ix_partner_link_requests_link_id"), "partner_link_requests", ["link_id"])
    op.create_index(op.f("ix_partner_link_requests_expires_at"), "partner_link_requests", ["expires_at"])
