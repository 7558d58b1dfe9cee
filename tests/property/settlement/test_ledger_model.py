"""Any sequence of movements: the ledger says what a page of plain Python says, and its audit stays clean. LG-10."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.pool import StaticPool

from config.database import Database
from settlement.audit import audit
from settlement.tables import accounts
from tests.integration.ledger.helpers import lots_of, wallet
from tests.property.settlement.model import Model, Step, play

VERBS = get_args(get_type_hints(Step)["verb"])
STEPS = st.builds(
    Step,
    verb=st.sampled_from([*VERBS, "issue", "hold", "hold"]),
    which=st.integers(0, 20),
    quantity=st.integers(1, 60),
    day=st.integers(0, 10),
)


@pytest.fixture(scope="module")
def memory(sqlite_template: Path) -> Iterator[sa.Engine]:
    """A migrated SQLite database in memory; every example is rolled back."""
    raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with sqlite3.connect(sqlite_template) as template:
        template.backup(raw)
    template.close()
    raw.execute("PRAGMA foreign_keys=ON")
    engine = sa.create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    yield engine
    engine.dispose()
    raw.close()


def check(connection: Connection, model: Model) -> None:
    """Compare everything the ledger says with the model."""
    balance = wallet(connection)
    assert (balance.available, balance.held) == (model.available, model.held)
    assert {key: remaining for key, (remaining, _) in lots_of(connection).items()} == {
        key: left for key, (_, left) in model.lots.items()
    }
    others = {row.code: row.balance for row in connection.execute(sa.select(accounts))}
    assert others.get("programme/breakage", 0) == model.expired
    assert others.get("programme/liability", 0) == model.captured - model.issued
    report = audit(connection)
    assert report.findings == ()
    assert len(report.open_holds) == sum(hold.state == "hold" for hold in model.holds.values())


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=30))
def test_ledger_equals_its_model_after_any_sequence(memory: sa.Engine, steps: list[Step]) -> None:
    with memory.connect() as connection, connection.begin() as transaction:
        model = Model()
        for step in steps:
            play(connection, model, step)
        check(connection, model)
        transaction.rollback()


async def test_long_sequence_on_each_database(database: Database) -> None:
    chance = random.Random(20261122)
    model = Model()

    def chapter(connection: Connection) -> None:
        for _ in range(40):
            verb = chance.choice([*VERBS, "issue", "hold"])
            step = Step(verb, chance.randrange(20), chance.randrange(1, 60), chance.randrange(11))
            play(connection, model, step)
        check(connection, model)

    for _ in range(5):
        await database.write(chapter)
    assert model.captured > 0
    assert model.expired > 0
    assert model.held > 0
