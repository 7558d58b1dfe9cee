"""Shared ways to take in a file and to run a night."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sdk.statement_file import parse_statement
from config.database import Database
from settlement.matching.rules import MatchingRules
from settlement.reconciliation import RunReport, RunRequest, run
from settlement.statements import IngestReport, ingest
from tests.integration.night.sides import AT, DAY, PARTNER


class FixedClock:
    """A clock that stands, a minute later at each look, so that a rewritten row would show."""

    def __init__(self) -> None:
        self.instant = AT
        self.ticks = 0.0

    def now(self) -> datetime:
        self.instant += timedelta(minutes=1)
        return self.instant

    def monotonic(self) -> float:
        self.ticks += 1.0
        return self.ticks

    async def sleep(self, seconds: float) -> None:
        self.ticks += seconds


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def take_in(database: Database) -> Callable[..., Awaitable[IngestReport]]:
    async def take(
        content: bytes, name: str = "file.csv", partner: str = PARTNER, at: datetime = AT, **rest: Any
    ) -> IngestReport:
        return await database.write(lambda c: ingest(c, parse_statement, partner, name, content, at, **rest))

    return take


@pytest.fixture
def reconcile(database: Database, clock: FixedClock, tmp_path: Path) -> Callable[..., Awaitable[RunReport]]:
    async def go(day: date = DAY, **rest: Any) -> RunReport:
        request = RunRequest(
            partner=PARTNER,
            business_date=day,
            folder=tmp_path / f"{day}",
            holder="test",
            rules=MatchingRules(reference_prefixes=("PBG",)),
            window_days=3,
        )
        return await run(database, clock, request, **rest)

    return go
