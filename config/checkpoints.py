"""Brings what a SQLite log holds into the file, aside of the writer.

SQLite itself does that within every commit that finds the log long: the members whose operations share that commit
would wait for hundreds of pages and for one more sync. Here another connection does it on a thread of its own every few
commits, in the way that waits for nobody and that nobody waits for (``PASSIVE``); the writer goes on meanwhile.

As long as the writer never rests the log cannot begin anew, so it grows; `LOG_PAGES` ends that: a commit that finds it
so long does the rest itself, which is little by then. The same happens when the thread fails: nothing is lost by that,
for the log is the truth, and it is told in the log of the process.

Source: SQLite's "Write-Ahead Logging", avoiding excessively large WAL files, read 2026-11-29.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from config.observability import get_logger

log = get_logger(__name__)
FAILED = "database.checkpoint_failed"
EVERY_COMMITS = 16
"""Rare enough to write a page that many commits change only once, often enough that each time is a few milliseconds."""

LOG_PAGES = 8_000
"""Pages of 4 KiB in the log at which the writer helps: 33 MB."""


class Checkpoints:
    """The thread of one SQLite file; it begins with the first time there is something to do."""

    def __init__(self, engine: Engine) -> None:
        """Keep the engine, which is disposed of by `close`."""
        self._engine = engine
        self._commits = 0
        self._due = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._fails = False

    def committed(self) -> None:
        """Count a commit of the writer's; called from one thread."""
        self._commits += 1
        if self._commits % EVERY_COMMITS == 0:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="database checkpoints", daemon=True)
                self._thread.start()
            self._due.set()

    def close(self) -> None:
        """End the thread and close its connection; what the log holds is left to whoever closes the file last."""
        self._closed = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()
        self._engine.dispose()

    def _work(self) -> None:
        while self._due.wait() and not self._closed:
            self._due.clear()
            try:
                with closing(self._engine.raw_connection()) as connection:
                    connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()
                self._fails = False
            except (DBAPIError, sqlite3.Error) as error:
                self._tell(getattr(error, "orig", error))

    def _tell(self, error: object) -> None:
        """Tell of the first failure of a row of them."""
        if not self._fails:
            self._fails = True
            log.warning(FAILED, reason=str(error))
