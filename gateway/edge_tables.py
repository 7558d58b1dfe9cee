"""Tables of the edge: idempotency keys, the webhook inbox and its conflicts, denied tokens, keys that sign cursors."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import metadata
from config.types import Instant

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("caller", sa.String(520), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("operation", sa.String(100), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.LargeBinary),
    sa.Column("resource_id", sa.String(64)),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False, index=True),
)
"""One row per key of a caller. A row and the effect of its request are committed together."""

webhook_inbox = sa.Table(
    "webhook_inbox",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("partner", sa.String(64), nullable=False),
    sa.Column("message_id", sa.String(128), nullable=False),
    sa.Column("body_hash", sa.String(64), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("reason", sa.String(500)),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("next_attempt_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.UniqueConstraint("partner", "message_id"),
    sa.CheckConstraint("state IN ('waiting', 'done', 'dead')", name="state"),
    sa.Index("ix_webhook_inbox_state_next_attempt_at", "state", "next_attempt_at"),
)
"""Verified callbacks, once per partner and message id, with the raw body."""

webhook_conflicts = sa.Table(
    "webhook_conflicts",
    metadata,
    sa.Column("partner", sa.String(64), primary_key=True),
    sa.Column("message_id", sa.String(128), primary_key=True),
    sa.Column("body_hash", sa.String(64), primary_key=True),
    sa.Column("seen_at", Instant, nullable=False),
)
"""Callbacks that came under a known message id with another body: never applied, looked at by people."""

denied_tokens = sa.Table(
    "denied_tokens",
    metadata,
    sa.Column("jti", sa.String(255), primary_key=True),
    sa.Column("expires_at", Instant, nullable=False, index=True),
    sa.Column("denied_by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("denied_at", Instant, nullable=False),
)
"""Access tokens that are refused before they end by themselves; a row may go when its token has ended."""

edge_keys = sa.Table(
    "edge_keys",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)
"""Random keys that all workers share; they protect nothing but the integrity of cursors."""
