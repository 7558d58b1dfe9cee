"""Tells operators of a disk that failed or is full: in the log, since an alarm would be written to that very disk."""

from __future__ import annotations

import time
from collections.abc import Callable

from config.database_errors import DatabaseStoppedError, DiskFailedError, DiskFullError
from config.errors import DatabaseError
from config.observability import get_logger

log = get_logger(__name__)
FAILED = "database.disk_failed"
FULL = "database.disk_full"
AGAIN_SECONDS = 300.0
"""How long the same is not told again: every request meets it, and one line is enough to wake somebody."""


class DiskWatch:
    """Sees every error of one database; what stopped the writing for good is told once."""

    def __init__(self, address: str, now: Callable[[], float] = time.monotonic) -> None:
        """Keep what the lines name.

        Args:
            address: of the database, without a password.
            now: of a monotonic clock, in seconds.
        """
        self._address = address
        self._now = now
        self._told: dict[str, float] = {}
        self._told_of_the_end = False

    def see(self, error: DatabaseError, stopped: str | None) -> None:
        """Tell of an error that is about the disk, unless it was told of lately.

        Args:
            error: whatever a caller of the database is answered.
            stopped: why nothing is written any more, if so.
        """
        if isinstance(error, DatabaseStoppedError) and stopped is not None:
            if not self._told_of_the_end:
                self._told_of_the_end = True
                log.error(FAILED, database=self._address, reason=stopped, stopped=True)
        elif isinstance(error, DiskFullError):
            self._tell(FULL, error)
        elif isinstance(error, DiskFailedError):
            self._tell(FAILED, error)

    def _tell(self, event: str, error: DatabaseError) -> None:
        now = self._now()
        last = self._told.get(event)
        if last is None or now - last >= AGAIN_SECONDS:
            self._told[event] = now
            log.error(event, database=self._address, reason=error.message, stopped=False)
