"""An index of what is undecided at a partner, for when many redemptions have ended there; the list of denied tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

_UNDECIDED = sa.text("state NOT IN ('captured', 'voided')")


def upgrade() -> None:
    """Index what has not ended, and make the list."""
    op.create_index(
        "ix_redemptions_undecided",
        "redemptions",
        ["partner"],
        sqlite_where=_UNDECIDED,
        postgresql_where=_UNDECIDED,
    )
    op.create_table(
        "denied_tokens",
        sa.Column("jti", sa.String(255), nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("denied_by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("denied_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_denied_tokens")),
    )
    op.create_index(op.f("ix_denied_tokens_expires_at"), "denied_tokens", ["expires_at"])
