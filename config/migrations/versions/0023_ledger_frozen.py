"""PostgreSQL looks whether accounts are frozen once for all whose balances a statement changes; refused is the same."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the guard, on PostgreSQL only."""
    if op.get_context().dialect.name == "sqlite":
        return
    op.execute(_NOT_FROZEN)
    op.execute(
        "CREATE OR REPLACE TRIGGER accounts_not_frozen AFTER UPDATE ON accounts "
        "REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION ledger_not_frozen()"
    )


_NOT_FROZEN = """
    CREATE OR REPLACE FUNCTION ledger_not_frozen() RETURNS trigger LANGUAGE plpgsql SET enable_hashjoin = on AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM frozen_accounts WHERE released_at IS NULL)
           AND EXISTS (
                   SELECT 1 FROM frozen_accounts JOIN before USING (code, commodity) JOIN after USING (code, commodity)
                   WHERE released_at IS NULL AND before.balance <> after.balance)
        THEN
            RAISE EXCEPTION 'account_frozen' USING ERRCODE = '23514';
        END IF;
        RETURN NULL;
    END $$
"""
