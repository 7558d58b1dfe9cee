"""Every migration leaves those who write in peace, judged by what it says to PostgreSQL; examples of what would not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import op

from config.migrate import FOLDER
from config.migration_steps import index
from tests.support.migration_rules import statements, wrongs

BEFORE_ANY_USE = {"0006_programme"}
"""Ran on no database with rows: what it indexes was as good as new."""


def upgrade_of(path: Path) -> Callable[[], None]:
    """Load a migration."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Callable[[], None] = module.upgrade
    return made


@pytest.mark.parametrize("path", sorted((FOLDER / "versions").glob("[0-9]*.py")), ids=lambda path: path.stem)
def test_no_migration_keeps_writers_waiting(path: Path) -> None:
    assert bool(wrongs(statements(upgrade_of(path)))) is (path.stem in BEFORE_ANY_USE)


def add(table: str, name: str, **how: object) -> None:
    """Add a column."""
    op.add_column(table, sa.Column(name, sa.Integer, **how))  # type: ignore[arg-type]


WRONGS: dict[str, tuple[Callable[[], object], str]] = {
    "plain_index": (partial(op.create_index, "ix_lots_new", "lots", ["entry_key"]), "use config.migration_steps.index"),
    "no_default": (partial(add, "lots", "new", nullable=False), "nullable or has a constant default"),
    "computed_default": (partial(add, "lots", "new", server_default=sa.text("floor(random())")), "rewrites or reads"),
    "unique_column": (partial(op.execute, "ALTER TABLE lots ADD COLUMN new INTEGER UNIQUE"), "rewrites or reads"),
    "type": (partial(op.alter_column, "lots", "remaining", type_=sa.Numeric), "rewrites or reads"),
    "not_null": (partial(op.alter_column, "lots", "expires_at", nullable=False), "rewrites or reads"),
    "check": (partial(op.create_check_constraint, "ck_new", "lots", "remaining < 9"), "NOT VALID"),
    "rows": (partial(op.execute, "UPDATE lots SET remaining = 0"), "let a job do it"),
    "column_taken": (partial(op.drop_column, "lots", "remaining"), "takes away"),
    "column_renamed": (partial(op.alter_column, "lots", "remaining", new_column_name="left"), "takes away"),
    "table_taken": (partial(op.drop_table, "lots"), "takes away"),
}


@pytest.mark.parametrize("case", WRONGS)
def test_what_keeps_writers_waiting_is_found(case: str) -> None:
    step, why = WRONGS[case]
    assert [why in wrong for wrong in wrongs(statements(step))] == [True]


def test_too_many_locks_and_an_index_that_comes_late_are_found() -> None:
    def many() -> None:
        for table in ("lots", "redemptions", "members"):
            add(table, "new")

    def late() -> None:
        add("lots", "new")
        index("ix_lots_new", "lots", ["new"])

    assert ["at once" in wrong for wrong in wrongs(statements(many))] == [True]
    assert ["comes first" in wrong for wrong in wrongs(statements(late))] == [True]


def test_what_is_taken_away_is_announced() -> None:
    def announced() -> None:
        op.drop_column("lots", "remaining")
        op.execute("UPDATE schema_compatibility SET oldest = '0022'")

    def widened() -> None:
        op.drop_constraint("ck_redemptions_state", "redemptions")
        op.execute("ALTER TABLE redemptions ADD CONSTRAINT ck_redemptions_state CHECK (state <> '') NOT VALID")

    assert wrongs(statements(announced)) == []
    assert wrongs(statements(widened)) == []
