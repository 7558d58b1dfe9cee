"""Reconciliation: one run per partner and business date; leased, resumable, repeatable.

A run takes the records of its day and of the days of the window before it that no other run has paired, matches them,
and keeps the differences to what it had kept before. Nothing to change means that no row is touched. Stopped anywhere,
it is run again: what was written stands, the rest is added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection

from config.clock import Clock
from config.database import Database, Operation
from settlement import break_store, leases, night_store
from settlement.breaks import breaks_of
from settlement.errors import RunInProgressError
from settlement.matching.engine import EngineSettings, MatchingEngine, write_kept, write_snapshot
from settlement.matching.rules import MatchingRules, MatchResult
from settlement.night_store import RunRow, lease_name, run_id
from settlement.undecided import SettledByFile, Undecided, settled_by_file

T = TypeVar("T")
LEASE_SECONDS = 120
"""How long a run may be silent before another process may take it over."""
PAIRS_PER_TRANSACTION = 5_000


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to reconcile. ``window_days``: how far back a late arrival still finds its counterpart.

    ``folder`` receives the snapshots; ``holder`` names this process for the lease and is unique to it.
    """

    partner: str
    business_date: date
    folder: Path
    holder: str
    rules: MatchingRules = MatchingRules()
    window_days: int = 7
    engine: EngineSettings = EngineSettings()

    @property
    def run_id(self) -> str:
        """The run's identifier."""
        return run_id(self.partner, self.business_date)

    @property
    def days(self) -> tuple[date, date]:
        """First and last business date of the run."""
        return self.business_date - timedelta(days=self.window_days), self.business_date


class Progress(msgspec.Struct, frozen=True):
    """Where a run is. ``rows_per_second`` of this stage, in whole rows."""

    stage: str
    done: int
    total: int
    rows_per_second: int


class RunReport(msgspec.Struct, frozen=True):
    """How a run ended. ``changed`` is False when a repetition found everything as it was kept."""

    run: RunRow
    changed: bool
    settled: tuple[SettledByFile, ...]


Report = Callable[[Progress], None]


async def run(
    database: Database,
    clock: Clock,
    request: RunRequest,
    undecided: tuple[Undecided, ...] = (),
    report: Report = lambda _progress: None,
) -> RunReport:
    """Reconcile one partner's business day; idempotent by (partner, business date) and inputs.

    Args:
        database: holds both sides and takes the results: pairs in several transactions, breaks and the end in one.
        clock: gives the instants that are written and the speed that is reported.
        request: what to reconcile and how.
        undecided: redemptions whose outcome nobody knows; the report says what the file proves of them.
        report: is told of the progress.

    Raises:
        RunInProgressError: another process works on this day.
        LeaseLostError: this process was silent too long; run again.
    """
    lease = lease_name(request.partner, request.business_date)
    if not await database.write(lambda c: leases.acquire(c, lease, request.holder, LEASE_SECONDS)):
        raise RunInProgressError(f"{request.partner} of {request.business_date} is being reconciled; wait for it.")
    try:
        return await _Run(database, clock, request, lease, report).execute(undecided)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
        await database.write(lambda c: night_store.fail_run(c, request.run_id, failure, clock.now()))
        raise
    finally:
        await database.write(lambda c: leases.release(c, lease, request.holder))


class _Run:
    """One execution under a lease."""

    def __init__(self, database: Database, clock: Clock, request: RunRequest, lease: str, report: Report) -> None:
        self.database, self.clock, self.request, self.lease, self.report = database, clock, request, lease, report
        self.started = clock.monotonic()

    async def execute(self, undecided: tuple[Undecided, ...]) -> RunReport:
        request = self.request
        before = await self.database.write(
            lambda c: night_store.start_run(c, request.partner, request.business_date, self.clock.now())
        )
        request.folder.mkdir(parents=True, exist_ok=True)
        ours, theirs = await self.database.read(self._snapshot)
        self._tell("snapshot", ours + theirs, ours + theirs)
        with MatchingEngine(request.folder, request.engine) as engine:
            engine.match(request.rules)
            self._tell("match", ours + theirs, ours + theirs)
            changed = await self._keep_pairs(engine)
            summary = {"ours": ours, "theirs": theirs, "outcomes": engine.counts(), "sums": engine.sums()}
            changed |= await self._keep_breaks(list(engine.open_rows()), summary, before, changed)
        after = await self.database.read(lambda c: night_store.read_run(c, request.run_id))
        assert after is not None
        settled = await self.database.read(
            lambda c: settled_by_file(c, request.partner, request.business_date, undecided)
        )
        return RunReport(run=after, changed=changed, settled=settled)

    def _snapshot(self, connection: Connection) -> tuple[int, int]:
        request, folder = self.request, self.request.folder
        scope = (connection, request.partner, *request.days, request.run_id)
        ours = write_snapshot(folder / "ours.parquet", night_store.our_candidates(*scope))
        theirs = write_snapshot(folder / "theirs.parquet", night_store.their_candidates(*scope))
        write_kept(folder / "kept.parquet", night_store.kept_pairs(connection, request.run_id))
        return ours, theirs

    async def _keep_pairs(self, engine: MatchingEngine) -> bool:
        gone, new = engine.changes()
        if gone:
            await self._write(lambda c: night_store.drop_pairs(c, gone))
        done = 0
        for batch in _batches(new):
            await self._write(partial(night_store.add_pairs, run=self.request.run_id, rows=batch))
            done += len(batch)
            self._tell("keep", done, 0)
        return bool(gone) or done > 0

    async def _keep_breaks(
        self, results: list[MatchResult], summary: dict[str, Any], before: RunRow, changed: bool
    ) -> bool:
        ours = sorted(result.ours_id for result in results if result.ours_id)
        theirs = sorted(result.theirs_id for result in results if result.theirs_id)
        records = await self.database.read(lambda c: night_store.records(c, ours, theirs))
        found = breaks_of(self.request.partner, results, records)
        at = self.clock.now()

        def operation(connection: Connection) -> bool:
            touched = break_store.apply_breaks(connection, self.request.run_id, self.request.days, found, at)
            touched += night_store.drop_pairs_of_adjusted(connection, self.request.partner)
            if changed or touched or before.state != "finished":
                night_store.finish_run(connection, self.request.run_id, summary, at)
                return True
            return False

        return await self._write(operation)

    async def _write(self, operation: Operation[T]) -> T:
        def leased(connection: Connection) -> T:
            leases.check(connection, self.lease, self.request.holder, LEASE_SECONDS)
            return operation(connection)

        return await self.database.write(leased)

    def _tell(self, stage: str, done: int, total: int) -> None:
        elapsed = max(self.clock.monotonic() - self.started, 0.001)
        self.report(Progress(stage, done, total or done, round(done / elapsed)))


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(islice(rows, PAIRS_PER_TRANSACTION)):
        yield batch
