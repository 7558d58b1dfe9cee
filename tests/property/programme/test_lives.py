"""Random lives of three members: whatever happens, the books are clean and a night run twice changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.pool import StaticPool

from catalogue.members import get_member
from catalogue.programme_tables import tier_reviews
from catalogue.tables import statuses
from config.errors import ConflictError, RuleError
from gateway.redemption.tables import outbox
from gateway.schemas.common import Amount
from gateway.schemas.members import AccrualBody, MemberBody, ProfileBody
from gateway.services import accruals, members, programme_jobs, standing
from gateway.services.member_ends import close_member, merge_members
from gateway.services.programme_jobs import Night
from settlement.audit import audit
from settlement.errors import InsufficientFundsError, LedgerStateError
from settlement.tables import journal_entries, lots
from tests.integration.ledger.helpers import capture, hold, void
from tests.unit.catalogue.samples import PROGRAMME

START = datetime(2026, 11, 22, 4, tzinfo=UTC)
MEMBERS = tuple(f"mbr_{number:026}" for number in range(3))
TABLES = (journal_entries, outbox, statuses, tier_reviews, lots)
Verb = Literal["earn", "wait", "night", "hold", "void", "capture", "merge", "close"]


@dataclass(frozen=True)
class Step:
    """One thing that happens; ``size`` is yuan, points or days as the verb needs."""

    verb: Verb
    who: int
    other: int
    size: int


STEPS = st.builds(
    Step,
    verb=st.sampled_from(
        ["earn", "earn", "earn", "wait", "wait", "night", "night", "hold", "void", "capture", "merge", "close"]
    ),
    who=st.integers(0, 2),
    other=st.integers(0, 2),
    size=st.integers(1, 400),
)


@dataclass
class Life:
    """Where the story stands."""

    at: datetime = START
    number: int = 0
    given: int = 0
    open_holds: tuple[str, ...] = ()


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


def play(connection: Connection, life: Life, step: Step) -> None:
    """Let one thing happen; what the rules refuse leaves nothing behind."""
    life.number += 1
    savepoint = connection.begin_nested()
    try:
        _act(connection, life, step)
    except (RuleError, ConflictError, LedgerStateError, InsufficientFundsError):
        savepoint.rollback()
    else:
        savepoint.commit()


def _act(connection: Connection, life: Life, step: Step) -> None:
    who, name = MEMBERS[step.who], f"s{life.number}"
    match step.verb:
        case "earn":
            _earn(connection, life, who, step, name)
        case "wait":
            life.at += timedelta(days=step.size)
        case "night":
            night(connection, life)
        case "hold":
            hold(connection, name, step.size, life.at, who)
            life.open_holds = (*life.open_holds, name)
        case "void" | "capture" if life.open_holds:
            end = void if step.verb == "void" else capture
            end(connection, life.open_holds[0], life.at)
            life.open_holds = life.open_holds[1:]
        case "merge":
            other = MEMBERS[step.other]
            merge_members(connection, PROGRAMME, kept=who, absorbed=other, reason="x", now=life.at)
        case "close" if step.size > 350:
            close_member(connection, member=who, reason="x", forfeit_points=True, now=life.at)


def _earn(connection: Connection, life: Life, who: str, step: Step, name: str) -> None:
    activity = ("new_car", "parts", "service")[step.other]
    at = life.at - timedelta(days=min(step.size, 300))
    body = AccrualBody(activity, Amount(step.size * 1_000_00, "CNY"), max(at, START), name)
    before = standing.read_standing(connection, PROGRAMME, member_id=who, on_date=None, now=life.at)
    answer = accruals.accrue(connection, PROGRAMME, client_id="crm", member=who, body=body, now=life.at)
    if answer.member_id == who and before.ending is not None:
        assert PROGRAMME.rank(answer.tier) >= PROGRAMME.rank(before.tier), "earning never lowers a tier"


def night(connection: Connection, life: Life) -> None:
    """Run every job to its end."""
    now = Night(PROGRAMME, PROGRAMME.today(life.at), life.at)
    for job in programme_jobs.JOBS.values():
        after: str | None = ""
        while after is not None:
            batch = job(connection, now, after)
            assert batch.failed == ()
            after = batch.after


def rows(connection: Connection) -> list[int]:
    """Count everything that a night can write."""
    return [int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()) for table in TABLES]


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=25))
def test_the_books_are_clean_after_any_life(memory: sa.Engine, steps: list[Step]) -> None:
    with memory.connect() as connection, connection.begin() as transaction:
        life = Life()
        for number, member in enumerate(MEMBERS):
            body = MemberBody(
                profile=ProfileBody(birthday=("02-29", "11-22", "06-01")[number]),
                referred_by=MEMBERS[number - 1] if number else None,
            )
            members.put_member(connection, PROGRAMME, named=f"m{number}", body=body, new_id=member, now=life.at)
        for step in steps:
            play(connection, life, step)
        night(connection, life)
        done = rows(connection)
        night(connection, life)
        assert rows(connection) == done, "a night run twice"
        report = audit(connection)
        assert report.findings == ()
        assert len(report.open_holds) == len(life.open_holds)
        ended = [one for one in MEMBERS if get_member(connection, one).state == "closed"]
        left = sa.select(sa.func.coalesce(sa.func.sum(lots.c.remaining), 0)).where(lots.c.member_id.in_(ended))
        assert connection.execute(left).scalar_one() == 0, "an ended membership has nothing left"
        transaction.rollback()
