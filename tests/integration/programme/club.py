"""A club in a database: members who earn, days that pass, nights that are run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.programme import Programme
from config.database import Database
from gateway.redemption.tables import outbox
from gateway.schemas.common import Amount
from gateway.schemas.members import AccrualAnswer, AccrualBody, MemberBody, ProfileBody
from gateway.services import accruals, members, programme_jobs
from gateway.services.programme_jobs import JobReport
from settlement.audit import audit
from settlement.balances import Balance, balances
from settlement.tables import journal_entries
from tests.support.clocks import ManualClock

START = datetime(2026, 11, 22, 4, tzinfo=UTC)
"""Noon in Shanghai."""


def identifier(number: int) -> str:
    """A member's id."""
    return f"mbr_{number:026}"


@dataclass
class Club:
    """What the tests say again and again."""

    database: Database
    programme: Programme
    clock: ManualClock = field(default_factory=ManualClock)
    count: int = 0

    @property
    def today(self) -> date:
        return self.programme.today(self.clock.now())

    def go_to(self, day: date, hour: int = 4) -> None:
        """Let it be a day."""
        at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        assert at >= self.clock.now()
        self.clock.advance(seconds=(at - self.clock.now()).total_seconds())

    async def join(self, name: str, **fields: Any) -> str:
        """Join, or be brought up to date."""
        self.count += 1
        new_id, body = identifier(self.count), MemberBody(**fields)

        def work(connection: Connection) -> str:
            return members.put_member(
                connection, self.programme, named=name, body=body, new_id=new_id, now=self.clock.now()
            ).id

        return await self.database.write(work)

    async def born(self, name: str, birthday: str) -> str:
        """Join with a birthday."""
        return await self.join(name, profile=ProfileBody(birthday=birthday))

    async def earn(
        self, member: str, yuan: int, activity: str = "new_car", reference: str | None = None, days_ago: int = 0
    ) -> AccrualAnswer:
        """Do something that earns."""
        self.count += 1
        body = AccrualBody(
            activity=activity,
            amount=Amount(yuan * 100, "CNY"),
            occurred_at=self.clock.now() - timedelta(days=days_ago),
            reference=reference or f"ref-{self.count}",
        )
        return await self.database.write(
            lambda connection: accruals.accrue(
                connection, self.programme, client_id="crm", member=member, body=body, now=self.clock.now()
            )
        )

    async def night(self) -> dict[str, JobReport]:
        """Run today's jobs."""
        reports = await programme_jobs.run_jobs(self.database, self.clock, self.programme, self.today, "test")
        return {report.job: report for report in reports}

    async def events(self, member: str, event: str | None = None) -> list[dict[str, Any]]:
        """What a member was told, in order."""
        query = sa.select(outbox.c.type, outbox.c.payload).where(outbox.c.aggregate_id == member)
        rows = await self.database.read(lambda connection: list(connection.execute(query.order_by(outbox.c.seq))))
        return [
            {"type": row.type.removeprefix("member."), **row.payload}
            for row in rows
            if event is None or row.type == f"member.{event}"
        ]

    async def told(self, member: str) -> list[str]:
        """The types of what a member was told."""
        return [event["type"] for event in await self.events(member)]

    async def points(self, member: str) -> Balance:
        """A member's points."""
        found = await self.database.read(lambda connection: balances(connection, member, at=self.clock.now()))
        return next((one for one in found if one.commodity == "PTS"), Balance(commodity="PTS"))

    async def entries(self) -> int:
        """How many journal entries there are."""
        query = sa.select(sa.func.count()).select_from(journal_entries)
        return await self.database.read(lambda connection: int(connection.execute(query).scalar_one()))

    async def require_clean_books(self) -> None:
        """Audit the whole ledger."""
        assert (await self.database.read(audit)).findings == ()
