"""How long is waited before the next try: the schedule of the settings with jitter, or what the partner asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from config.settings import RedemptionSettings
from gateway.partners import ConnectedPartner
from gateway.redemption.plan import MAX_BUSY

JITTER = 0.2


class Patience:
    """Delays and leases."""

    def __init__(self, settings: RedemptionSettings, jitter: Callable[[], float]) -> None:
        """Keep the schedule; ``jitter`` answers from 0 to 1."""
        self._settings = settings
        self._jitter = jitter

    def after(self, tries: int) -> timedelta:
        """Answer the delay after so many tries beyond the first."""
        schedule = self._settings.retry_schedule_seconds
        seconds = schedule[min(max(tries, 0), len(schedule) - 1)]
        return timedelta(seconds=seconds * (1 + JITTER * self._jitter()))

    def asked_for(self, retry_after_seconds: int | None, tries: int) -> timedelta:
        """Answer what the partner asks for, within reason; the schedule's delay when it asks for nothing."""
        if retry_after_seconds is None:
            return self.after(tries)
        return min(timedelta(seconds=max(retry_after_seconds, 0)), MAX_BUSY)

    def lease(self, connected: ConnectedPartner) -> timedelta:
        """Answer how long one call may take before somebody else goes on: the partner's deadline and a margin."""
        return timedelta(seconds=connected.manifest.limits.deadline_seconds + self._settings.lease_margin_seconds)
