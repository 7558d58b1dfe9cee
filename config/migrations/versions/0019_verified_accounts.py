"""When a partner last said that an account is the member's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from config.types import Instant

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the instant; accounts that were taken before were never asked about."""
    op.add_column("partner_accounts", sa.Column("verified_at", Instant))
