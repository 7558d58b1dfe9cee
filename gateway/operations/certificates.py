"""Tells people of partners whose TLS is not to be trusted: nothing is sent to them until somebody has mended it.

A partner's client sees every call of this process, those too that are about no redemption.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from adapters.sdk.client import PartnerClient
from catalogue.identifiers import Identifiers
from config.clock import Clock
from config.database import Database
from config.errors import DatabaseError
from config.observability import get_logger
from gateway.operations.alarms import Alarms
from gateway.partners import Partners

log = get_logger(__name__)
BAD_CERTIFICATE = "bad_certificate"
"""Alarm: a partner's certificate is not to be trusted, or its TLS cannot be spoken; counted by partner."""
LOOK_SECONDS = 10.0
AGAIN_SECONDS = 600.0
"""How long a partner is not told of again: what does not mend itself is met by every call until then."""


class CertificateWatch:
    """Raises the alarms of one process; safe in several at once."""

    def __init__(self, database: Database, clock: Clock, partners: Partners, identifiers: Identifiers) -> None:
        """Keep the seams."""
        self._database = database
        self._clock = clock
        self._partners = partners
        self._alarms = Alarms(identifiers)
        self._told: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Look every few seconds until it is cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Raise an alarm for each partner that failed since it was told of last; one that is not taken comes again."""
        now = self._clock.monotonic()
        for partner, connected in self._partners.items():
            client = connected.client
            if client is None or not self._is_news(partner, client, now):
                continue
            failed = client.handshakes.failed
            try:
                await self._database.write(partial(self._tell, partner, client))
            except DatabaseError as error:
                log.warning("certificates.database", partner=partner, reason=error.message)
            else:
                self._told[partner] = (failed, now)

    def _is_news(self, partner: str, client: PartnerClient, now: float) -> bool:
        known, told_at = self._told.get(partner, (0, now - AGAIN_SECONDS))
        return client.handshakes.failed > known and now - told_at >= AGAIN_SECONDS

    def _tell(self, partner: str, client: PartnerClient, connection: Connection) -> None:
        facts = {"code": client.handshakes.last, "calls": str(client.handshakes.failed)}
        self._alarms.raise_alarm(connection, BAD_CERTIFICATE, partner, self._clock.now(), partner=partner, facts=facts)
