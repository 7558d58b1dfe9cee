"""The writer of a SQLite file: it takes what waits, runs it in one transaction, and answers when that is on disk.

A commit costs a wait for the disk; many operations share one (`config.shared_transaction`). Nothing is delayed to
gather more: a lone operation is committed at once, and what arrives meanwhile is the next batch. The queue is bounded:
what does not fit is refused before it is tried.

There is one transaction at a time, and its turn is one of two kinds:

- What is declared to be short runs on the event loop's own thread, and only its commit, which waits for the disk, on
  the writer's. Two threads that both run Python share one interpreter lock, and a statement that hands it over has to
  ask for it again: a statement of 20 us took 200 us on a thread of its own while the loop was busy. A turn in the loop
  ends after some milliseconds (what is left has the next one, so that nobody waits for the last of a crowd), never
  waits for a lock, and what takes longer than it should is interrupted, undone and run again on the writer's thread.
- Everything else runs on the writer's thread, with whatever waits behind it.

What SQLite's log holds is brought into the file by the writer itself, every few turns, once nothing waits: left to
SQLite, a commit that finds the log long does it, and its members wait for hundreds of pages and one more sync. Never by
another connection: versions of SQLite before 3.51.3 may lose commits when one connection brings the log into the file
while another begins it anew (its "WAL-reset bug", read 2026-11-29). Who never rests leaves it to the commit that finds
`config.engines.LOG_PAGES`.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine

from config.database_errors import DatabaseBusyError, DatabaseStoppedError
from config.shared_transaction import HoldsUpError, SharedTransaction
from config.waiting import Waiting

T = TypeVar("T")
ENOUGH_SECONDS = 0.004
"""How long a turn in the loop goes on taking operations, at least; as long as the last commit took, when longer, so
that on a slow disk or a busy machine a commit is shared by more."""
CHECKPOINT_TURNS = 64
"""Rare enough to write a page only once that many commits change; the log has some megabytes by then."""
BUDGET_SECONDS = 0.02
"""The most that a turn, or one operation in it, may hold up the loop."""


class GroupCommit:
    """The writer of one database: one connection, one thread, one transaction for what waits."""

    def __init__(self, engine: Engine, *, queue_limit: int, batch_limit: int) -> None:
        """Start the thread; nothing is opened before the first operation.

        Args:
            engine: of the connection that writes; it is disposed of by `close`.
            queue_limit: operations that may wait; one more is refused.
            batch_limit: operations that share one commit at most.
        """
        self._transaction = SharedTransaction(engine)
        self._since_checkpoint = 0
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._lock = threading.Lock()
        self._waiting: deque[Waiting] = deque()
        self._has_turn = False
        self._closed = False
        self._enough_seconds = ENOUGH_SECONDS
        self._jobs: queue.SimpleQueue[Callable[[], list[Waiting]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="database writer", daemon=True)
        self._thread.start()

    @property
    def stopped(self) -> str | None:
        """Why nothing is written any more: the disk failed. None while it is."""
        return self._transaction.stopped

    @property
    def waiting(self) -> int:
        """How many operations wait."""
        return len(self._waiting)

    async def write(self, operation: Callable[[Connection], T], *, short: bool = False) -> T:
        """Run an operation and answer when it is on disk.

        Args:
            operation: as `config.database` describes it.
            short: it takes a millisecond or two, so that it may run on the loop's thread.

        Raises:
            DatabaseBusyError: too many wait; nothing was tried.
            DatabaseStoppedError: the disk has failed, or the writer is closed; nothing was tried.
            DatabaseError: nothing was written.
            Whatever the operation raises.
        """
        loop = asyncio.get_running_loop()
        waiting = Waiting(operation, loop, loop.create_future(), short=short)
        with self._lock:
            if self._closed or self._transaction.stopped:
                raise DatabaseStoppedError(self._transaction.stopped or "The database is closed.")
            if len(self._waiting) >= self._queue_limit:
                raise DatabaseBusyError(f"{self._queue_limit} operations wait for the database already.")
            self._waiting.append(waiting)
            begins, self._has_turn = not self._has_turn, True
        if begins and short and not self._closed:
            loop.call_soon(self._turn_in_loop, loop)
        elif begins:
            self._jobs.put(self._turn_aside)
        result: T = await waiting.answer
        return result

    async def close(self) -> None:
        """Commit what waits, then end the thread."""
        with self._lock:
            ends, self._closed = not self._closed and not self._has_turn, True
        if ends:
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _give_turn(self, first: Waiting) -> None:
        """Let the next transaction begin where its first operation belongs; in the loop after who was just answered."""
        if first.short and not self._closed:
            with _unless_ended():
                first.loop.call_soon_threadsafe(first.loop.call_soon, self._turn_in_loop, first.loop)
                return
        self._jobs.put(self._turn_aside)

    def _turn_in_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        batch: list[Waiting] = []
        taking = self._taking(batch, lambda each: each.short and each.loop is loop)
        try:
            self._transaction.begin_here(taking, self._enough_seconds, BUDGET_SECONDS)
        except HoldsUpError:
            self._jobs.put(partial(self._run_aside, batch) if batch else self._turn_aside)
            return
        self._jobs.put(partial(self._commit_aside, batch, time.monotonic()))

    def _taking(self, batch: list[Waiting], fits: Callable[[Waiting], bool]) -> Iterator[Waiting]:
        """Take into the batch, one by one, what is at the front, fits and still has somebody waiting for it."""
        while len(batch) < self._batch_limit:
            with self._lock:
                if not self._waiting or not fits(self._waiting[0]):
                    return
                each = self._waiting.popleft()
            if not each.answer.cancelled():
                batch.append(each)
                yield each

    def _commit_aside(self, batch: list[Waiting], handed_over_at: float) -> list[Waiting]:
        self._transaction.commit(batch)
        took = time.monotonic() - handed_over_at
        self._enough_seconds = min(max(took, ENOUGH_SECONDS), BUDGET_SECONDS)
        return batch

    def _run_aside(self, batch: list[Waiting]) -> list[Waiting]:
        self._transaction.run(batch)
        return batch

    def _turn_aside(self) -> list[Waiting]:
        return self._run_aside(list(self._taking([], lambda _: True)))

    def _work(self) -> None:
        """Do what the writer's thread has to do until the writer is closed and nothing waits."""
        try:
            while (job := self._jobs.get()) is not None:
                batch = job()
                _tell(batch)
                self._bring_log_into_file()
                with self._lock:
                    following = self._waiting[0] if self._waiting else None
                    self._has_turn = following is not None
                    ends = self._closed and following is None
                if following is not None:
                    self._give_turn(following)
                elif ends:
                    break
        finally:
            self._transaction.close()

    def _bring_log_into_file(self) -> None:
        """Do so when it is time and nothing waits; what comes meanwhile has the next turn."""
        self._since_checkpoint += 1
        if self._since_checkpoint >= CHECKPOINT_TURNS and not self._waiting:
            self._since_checkpoint = 0
            self._transaction.checkpoint()


def _tell(batch: Iterable[Waiting]) -> None:
    """Wake each loop once for all of its callers in a batch."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
    for each in batch:
        by_loop.setdefault(each.loop, []).append(each)
    for loop, callers in by_loop.items():
        with _unless_ended():
            loop.call_soon_threadsafe(_tell_all, callers)


def _tell_all(callers: Iterable[Waiting]) -> None:
    for each in callers:
        each.tell()


@contextlib.contextmanager
def _unless_ended() -> Iterator[None]:
    """A loop that was closed has no caller left to answer."""
    try:
        yield
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
