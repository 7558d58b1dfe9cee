"""Hold and capture by 64 callers at once: ours, against the same rows written raw, and against an async ORM.

The floor on SQLite is one connection that writes the same rows with raw statements and commits every 20 operations; on
PostgreSQL it is pgbench with prepared statements and 10 clients. The peer is SQLAlchemy's async ORM with a transaction
for each hold and each capture. All of them on the gateway's own schema, triggers and foreign keys included, with full
durability. Every one has a database of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from config.database import Database
from config.settings import DatabaseSettings
from config.side_by_side import About
from settlement import ledger
from settlement.accounts import POINTS, counter_account
from tests.bench import databases, holds_books, holds_orm
from tests.bench.holds_books import AT, member
from tests.bench.measure import Result

TOGETHER = 64
EACH = 16
PEER_EACH = 2
ROUNDS = 5
PER_COMMIT = 20
CLIENTS = 10
AMOUNT = 100

Contender = Callable[[], float]
"""Measures itself once and answers the seconds that one hold and its capture took."""


def results() -> Iterator[Result]:
    """Measure on both databases; PostgreSQL only where a server answers."""
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(holds_books.sqlite_book()) for _ in range(3)]
        yield _measured("SQLite FULL", partial(raw_sqlite, urls[0]), urls[1], urls[2], goal=0.5, goal_of_peer=25)
    if not databases.postgresql_answers():
        sys.stdout.write("hold and capture on PostgreSQL: NOT MEASURED, no server answers\n")
        return
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(holds_books.postgresql_book()) for _ in range(3)]
        yield _measured("PostgreSQL", partial(pgbench, urls[0]), urls[1], urls[2], goal=2, goal_of_peer=20)


def _measured(where: str, floor: Contender, ours: str, peer: str, *, goal: float, goal_of_peer: float) -> Result:
    with asyncio.Runner() as runner:
        database = runner.run(Database.open(DatabaseSettings(url=ours)))
        session = holds_orm.sessions(peer)
        try:
            found = _in_turn(
                floor,
                lambda: runner.run(_together(partial(_by_ledger, database), EACH)),
                lambda: runner.run(_together(partial(holds_orm.hold_and_capture, session), PEER_EACH)),
            )
        finally:
            runner.run(database.close())
            runner.run(holds_orm.close(session))
    floored, own, peered = (seconds * 1e6 for seconds in found)
    return Result(
        name=f"hold + capture, {TOGETHER} concurrent, {where}",
        floor_microseconds=floored,
        ours_microseconds=own,
        peer_microseconds=peered,
        of_floor=floored / own,
        of_peer=peered / own,
        goal=goal,
        goal_of_peer=goal_of_peer,
    )


def _in_turn(*contenders: Contender) -> list[float]:
    """Measure each in turn, round by round, so that a busy machine slows all of them; the first round warms up."""
    times = [[contender() for contender in contenders] for _ in range(ROUNDS + 1)]
    return [median(column) for column in zip(*times[1:], strict=True)]


_serial = itertools.count(1)


async def _together(once: Callable[[str, str], Awaitable[None]], each: int) -> float:
    """Let all callers do so many, one after the other each; answer the seconds per pair."""

    async def caller() -> None:
        for _ in range(each):
            number = next(_serial)
            await once(f"bench:{number}", member(number))

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(TOGETHER):
            group.create_task(caller())
    return (time.perf_counter() - begin) / (TOGETHER * each)


async def _by_ledger(database: Database, key: str, of: str) -> None:
    holding = partial(
        ledger.hold, key=f"{key}:hold", member_id=of, commodity=POINTS, quantity=AMOUNT, at=AT, reference=key
    )
    await database.write(About(of, holding), short=True)
    capturing = partial(ledger.capture, hold_key=f"{key}:hold", key=f"{key}:capture", at=AT, to=counter_account(POINTS))
    await database.write(About(of, capturing), short=True)


HOLD = (
    "SELECT id AS lot FROM lots WHERE member_id = :of AND commodity = 'PTS' AND remaining >= 100 "
    "ORDER BY expires_at, id LIMIT 1",
    "UPDATE lots SET remaining = remaining - 100 WHERE id = :lot AND remaining >= 100",
    "UPDATE accounts SET balance = balance - 100 WHERE code = 'member/' || :of || '/available' "
    "AND commodity = 'PTS' AND balance >= 100",
    "INSERT INTO accounts VALUES ('member/' || :of || '/held', 'PTS', 'member', false, 100) "
    "ON CONFLICT (code, commodity) DO UPDATE SET balance = accounts.balance + 100",
    "INSERT INTO postings VALUES "
    "(:key || '/hold', 1, 'member/' || :of || '/available', 'PTS', -100, CAST(:lot AS TEXT)), "
    "(:key || '/hold', 2, 'member/' || :of || '/held', 'PTS', 100, CAST(:lot AS TEXT))",
    "INSERT INTO journal_entries VALUES (:key || '/hold', 'hold', :key, :of, NULL, NULL, '', "
    "'2026-12-01', '2026-12-01', '{}')",
)
CAPTURE = (
    "SELECT lot_id AS lot FROM postings WHERE entry_key = :key || '/hold' AND number = 2",
    "UPDATE accounts SET balance = balance - 100 WHERE code = 'member/' || :of || '/held' "
    "AND commodity = 'PTS' AND balance >= 100",
    "UPDATE accounts SET balance = balance + 100 WHERE code = 'programme/liability' AND commodity = 'PTS'",
    "INSERT INTO postings VALUES "
    "(:key || '/capture', 1, 'member/' || :of || '/held', 'PTS', -100, CAST(:lot AS TEXT)), "
    "(:key || '/capture', 2, 'programme/liability', 'PTS', 100, NULL)",
    "INSERT INTO journal_entries VALUES (:key || '/capture', 'capture', :key, :of, :key || '/hold', NULL, '', "
    "'2026-12-01', '2026-12-01', '{}')",
)


def raw_sqlite(url: str) -> float:
    """Write the rows of holds and captures raw, 20 operations per commit, one after the other."""
    raw = sqlite3.connect(str(sa.make_url(url).database), isolation_level=None, timeout=30)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {pragma}")
    pairs = TOGETHER * EACH
    begin = time.perf_counter()
    for _ in range(pairs * 2 // PER_COMMIT):
        raw.execute("BEGIN IMMEDIATE")
        for _ in range(PER_COMMIT // 2):
            _raw_pair(raw, next(_serial))
        raw.execute("COMMIT")
    seconds = time.perf_counter() - begin
    raw.close()
    return seconds / (pairs * 2 // PER_COMMIT * (PER_COMMIT // 2))


def _raw_pair(raw: sqlite3.Connection, number: int) -> None:
    values: dict[str, str] = {"key": f"bench:{number}", "of": member(number)}
    for select, *writes in (HOLD, CAPTURE):
        ((values["lot"],),) = raw.execute(select, values).fetchall()
        for statement in writes:
            raw.execute(statement, values)


def pgbench(url: str) -> float:
    """Let pgbench run the same statements, prepared, with 10 clients that each hold and capture in turn."""
    lines = ["\\set number random(1, 1000000000000)", f"\\set one random(0, {holds_books.MEMBERS - 1})"]
    for select, *writes in (HOLD, CAPTURE):
        lines += ["BEGIN;", f"{select} \\gset", *(f"{statement};" for statement in writes), "COMMIT;"]
    text = (
        "\n".join(lines)
        .replace(":key", "('bench:' || CAST(:number AS text))")
        .replace(":of", "('m' || CAST(:one AS text))")
    )
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "pair.sql"
        script.write_text(f"{text}\n")
        command = ["pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-t", "100", "-f", str(script)]
        done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([0-9.]+) \(without", done.stdout)
    assert found is not None, done.stdout
    return 1 / float(found[1])
