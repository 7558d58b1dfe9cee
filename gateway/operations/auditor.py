"""Audits the balances when the gateway starts and every night, and stops what has drifted from its entries."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from catalogue.identifiers import Identifiers
from config.clock import Clock
from config.database import Database
from config.errors import DatabaseError
from config.observability import get_logger
from config.settings import AuditSettings
from gateway.operations.alarms import Alarms
from settlement import freezing
from settlement.freezing import Drift

log = get_logger(__name__)
FROZEN = "account_frozen"


class Auditor:
    """Looks at every balance; safe in several processes at once."""

    def __init__(self, database: Database, clock: Clock, identifiers: Identifiers, settings: AuditSettings) -> None:
        """Keep the seams."""
        self._database = database
        self._clock = clock
        self._identifiers = identifiers
        self._alarms = Alarms(identifiers)
        self._settings = settings

    async def run(self) -> None:
        """Look at once, unless the settings say not to, and then at every interval, until it is cancelled."""
        if not self._settings.on_start:
            await self._clock.sleep(self._settings.interval_seconds)
        while True:
            try:
                await self.once()
            except DatabaseError as error:
                log.warning("audit.database", reason=error.message)
            await self._clock.sleep(self._settings.interval_seconds)

    async def once(self) -> tuple[Drift, ...]:
        """Stop every account that differs from its entries, each with an alarm, and answer those."""
        suspected = await self._database.read(freezing.drifts)
        return tuple([drift for drift in suspected if await self._database.write(partial(self._stop, drift))])

    def _stop(self, drift: Drift, connection: Connection) -> bool:
        now = self._clock.now()
        if not freezing.freeze(connection, drift, self._identifiers.new("frozen_account"), now):
            return False
        facts = {"rule": drift.rule, "found": drift.found, "commodity": drift.commodity}
        self._alarms.raise_alarm(connection, FROZEN, f"{drift.code} {drift.commodity}", now, facts=facts)
        return True
