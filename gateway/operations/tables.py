"""Tables of alarms and of the partners' switches."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import metadata
from config.types import Instant, JsonDocument

alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(48), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("partner", sa.String(64)),
    sa.Column("facts", JsonDocument, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.UniqueConstraint("kind", "subject"),
)
"""What somebody must look at, once per kind and subject; ``times`` counts, ``facts`` are the last ones."""

partner_switches = sa.Table(
    "partner_switches",
    metadata,
    sa.Column("partner", sa.String(64), primary_key=True),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("distrusted", sa.Boolean, nullable=False),
    sa.Column("changes", sa.Integer, nullable=False),
)
"""How a partner is switched now; one without a row is enabled and trusted. ``changes`` numbers the history."""

partner_changes = sa.Table(
    "partner_changes",
    metadata,
    sa.Column("partner", sa.String(64), sa.ForeignKey("partner_switches.partner"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("change", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("changed_by", sa.String(200), nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.CheckConstraint("change IN ('disabled', 'enabled', 'distrusted', 'trusted')", name="change"),
)
"""Who switched a partner, when and why."""
