"""Which versions of the code may use the schema, told by the schema itself: an older one meets it in an upgrade."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its one row: no version before this one looks at it."""
    made = op.create_table(
        "schema_compatibility",
        sa.Column("oldest", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("oldest", name=op.f("pk_schema_compatibility")),
    )
    op.bulk_insert(made, [{"oldest": revision}])
