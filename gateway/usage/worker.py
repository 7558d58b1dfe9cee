"""Asks partners that know no reference of ours what members used, and keeps what they tell.

One process at a time per partner, under a lease; the calls are made between transactions. An account is asked for once
a day, from `OVERLAP` before the day up to which its uses are known: partners tell a use days after it happened. What is
told again changes nothing.
"""

from __future__ import annotations

import os
import secrets
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from adapters.sdk.capabilities import ReportsUsage
from adapters.sdk.errors import PartnerError, RejectedError
from adapters.sdk.records import Usage
from catalogue.calendar import local_date
from catalogue.identifiers import Identifiers
from config.clock import Clock
from config.database import Database, Operation
from config.errors import DatabaseError
from config.observability import get_logger
from gateway.operations.alarms import Alarms
from gateway.partners import ConnectedPartner, Partners
from gateway.usage import store
from gateway.usage.store import Asked, KeptUse
from settlement import leases
from settlement.contracts import PartnerContract
from settlement.errors import LeaseLostError

T = TypeVar("T")
log = get_logger(__name__)

INTERVAL_SECONDS = 60.0
BATCH = 50
"""Accounts that one pass asks a partner for."""
LEASE_SECONDS = 300
EVERY = timedelta(days=1)
OVERLAP = timedelta(days=7)
"""At least so far back a use may be told late; a contract's late window lengthens it."""
FIRST_WAIT = timedelta(minutes=15)
ALARM_AFTER = 5
"""Failures in a row after which people are told."""

UNMATCHED, DIFFERS, NOT_TOLD = "use_unmatched", "use_differs", "uses_not_told"
"""Alarms: a use without a visit of ours, one of more people than were redeemed for, a partner that does not tell."""


class UsageWorker:
    """Works through the accounts that are due, partner by partner."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        partners: Partners,
        contracts: dict[str, PartnerContract],
        identifiers: Identifiers,
    ) -> None:
        """Keep the seams; nothing is opened."""
        self._database = database
        self._clock = clock
        self._partners = partners
        self._contracts = contracts
        self._alarms = Alarms(identifiers)
        self._holder = f"{os.getpid()}-{secrets.token_hex(8)}"

    async def run(self) -> None:
        """Work until cancelled; a database that does not answer is waited for."""
        while True:
            try:
                await self.once()
            except DatabaseError as error:
                log.warning("usage.database", reason=error.message)
            await self._clock.sleep(INTERVAL_SECONDS)

    async def once(self) -> int:
        """Ask for a batch of what is due at every partner that reports usage; answers how many accounts were told."""
        reporting = [one for one in self._partners.values() if isinstance(one.adapter, ReportsUsage)]
        return sum([await self._partner(one) for one in reporting])

    async def _partner(self, connected: ConnectedPartner) -> int:
        lease = f"usage:{connected.id}"
        if not await self._database.write(lambda c: leases.acquire(c, lease, self._holder, LEASE_SECONDS)):
            return 0
        told = 0
        try:
            find = partial(store.due, partner=connected.id, purpose=connected.manifest.purpose or "")
            for asked in await self._database.read(partial(find, now=self._clock.now(), limit=BATCH)):
                heard, go_on = await self._account(connected, asked, lease)
                told += heard
                if not go_on:
                    break
            today = self._today(connected)
            await self._under(lease, partial(store.forget, today=today))
        except LeaseLostError:
            log.warning("usage.lease_lost", partner=connected.id)
        finally:
            await self._database.write(lambda c: leases.release(c, lease, self._holder))
        return told

    async def _account(self, connected: ConnectedPartner, asked: Asked, lease: str) -> tuple[int, bool]:
        """Ask for one account; answers whether it was told, and whether the partner is worth asking for the next."""
        assert isinstance(connected.adapter, ReportsUsage)
        span = self._span(connected, asked)
        try:
            uses = await connected.adapter.fetch_usage(asked.account, *span)
        except RejectedError as error:
            await self._under(lease, partial(self._failed, connected.id, asked, error.code))
            return 0, True
        except PartnerError as error:
            await self._under(lease, partial(self._failed, connected.id, asked, error.code))
            return 0, False
        except Exception:
            log.exception("adapter.raised", partner=connected.id, operation="fetch_usage")
            await self._under(lease, partial(self._failed, connected.id, asked, "adapter_raised"))
            return 0, False
        await self._under(lease, partial(self._record, connected.id, asked, uses, span))
        return 1, True

    def _record(
        self, partner: str, asked: Asked, uses: tuple[Usage, ...], span: tuple[date, date], connection: Connection
    ) -> None:
        now = self._clock.now()
        for use in store.keep_told(connection, partner, asked, uses, span, now):
            self._tell(connection, use, now)
        store.told_until(connection, partner, asked, span[1], now + EVERY)

    def _tell(self, connection: Connection, use: KeptUse, at: datetime) -> None:
        """Tell people of a use; which member's it is stands in the list of uses, not in the alarm."""
        kind = UNMATCHED if use.state == "unmatched" else DIFFERS
        facts = {"place": use.place, "service_date": str(use.service_date), "visitors": str(use.visitors)}
        if use.redemption_id is not None:
            facts["redemption_id"] = use.redemption_id
        self._alarms.raise_alarm(connection, kind, use.id, at, partner=use.partner, facts=facts)

    def _failed(self, partner: str, asked: Asked, code: str, connection: Connection) -> None:
        now = self._clock.now()
        store.put_off(connection, partner, asked, now + min(FIRST_WAIT * 2**asked.failures, EVERY))
        if asked.failures + 1 == ALARM_AFTER:
            facts = {"member_id": asked.member_id, "code": code}
            self._alarms.raise_alarm(connection, NOT_TOLD, partner, now, partner=partner, facts=facts)

    async def _under(self, lease: str, operation: Operation[T]) -> T:
        def leased(connection: Connection) -> T:
            leases.check(connection, lease, self._holder, LEASE_SECONDS)
            return operation(connection)

        return await self._database.write(leased)

    def _today(self, connected: ConnectedPartner) -> date:
        return local_date(self._clock.now(), self._contracts[connected.id].time_zone)

    def _span(self, connected: ConnectedPartner, asked: Asked) -> tuple[date, date]:
        """Days to ask for, both included."""
        today = self._today(connected)
        late = timedelta(days=self._contracts[connected.id].late_window_days)
        return (asked.told_to_date or today) - max(OVERLAP, late), today
