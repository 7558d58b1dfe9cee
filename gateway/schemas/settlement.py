"""Shapes of the settlement resources. Amounts are minor units; a commodity that is no currency is counted whole."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec

from settlement.accounts import Bearer
from settlement.break_store import BreakWord, Closing, KeptBreak
from settlement.breaks import age_days, bucket
from settlement.exports.bundle import Bundle
from settlement.netting import NetPosition
from settlement.night_store import RunRow
from settlement.statements import IngestReport

Evidence = Annotated[str, msgspec.Meta(min_length=10, max_length=2000)]
PartnerId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_\-]{0,63}$", max_length=64)]


class RunRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which day to reconcile; without a partner: every partner that accounts in files."""

    business_date: Annotated[date, msgspec.Meta(examples=["2026-11-22"])]
    partner: PartnerId | None = None


class RunView(msgspec.Struct, frozen=True):
    """One run. ``revision`` grows when a repetition found other results than were kept."""

    id: str
    partner: str
    business_date: date
    state: Literal["running", "finished", "failed"]
    revision: int
    summary: dict[str, Any]
    failure: str | None
    started_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: RunRow) -> RunView:
        """Show a run."""
        return msgspec.convert(msgspec.structs.asdict(row), cls)


class RunList(msgspec.Struct, frozen=True):
    """Runs that were started."""

    items: tuple[RunView, ...]


class StatementView(msgspec.Struct, frozen=True):
    """What became of a file. ``known``: the same bytes had been received before."""

    id: str
    partner: str
    name: str
    state: Literal["accepted", "superseded", "quarantined"]
    known: bool
    business_date: date | None
    sequence: int | None
    line_count: int
    fault_count: int
    reason: str | None

    @classmethod
    def of(cls, report: IngestReport) -> StatementView:
        """Show a report."""
        values = msgspec.structs.asdict(report) | {"id": report.statement_id}
        return cls(**{name: values[name] for name in cls.__struct_fields__})


class StatementList(msgspec.Struct, frozen=True):
    """Files, newest first."""

    items: tuple[StatementView, ...]


class BreakView(msgspec.Struct, frozen=True):
    """A break with its age in days as of the programme's today, and what people said of it, oldest first.

    `proposal` waits for a second person; `closed_by` is empty when a run closed it. `unknown`: only a later version of
    the gateway, which is being introduced, knows how it stands.
    """

    id: str
    partner: str
    business_date: date
    kind: str
    state: Literal["open", "closed", "unknown"]
    owner: str
    age_days: int
    age_bucket: str
    reference: str | None
    ours_amount: int | None
    ours_currency: str | None
    theirs_amount: int | None
    theirs_currency: str | None
    evidence: dict[str, Any]
    run_id: str
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    closed_by: tuple[str, ...]
    words: tuple[BreakWord, ...]
    proposal: BreakWord | None

    @classmethod
    def of(cls, kept: KeptBreak, today: date) -> BreakView:
        """Show a break."""
        age = age_days(kept.item.business_date, today)
        values = msgspec.structs.asdict(kept.item) | msgspec.structs.asdict(kept)
        values |= {"age_days": age, "age_bucket": bucket(age), "proposal": kept.proposal}
        return cls(**{name: values[name] for name in cls.__struct_fields__})


class BreakFinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person found out about a break."""

    evidence: Evidence


class BreakAdjustment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By how many minor units of the break's currency what we owe the partner changes; negative: less.

    Without a `bearer` those bear it who bear our lines of the break.
    """

    amount: Annotated[int, msgspec.Meta(examples=[1000])]
    bearer: Bearer | None = None


class BreakClosing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a break ends. `resolved`: explained, or put right; `written_off`: not pursued any more.

    `adjustment`: the part of the difference by which our books follow the partner's.
    """

    outcome: Closing
    evidence: Evidence
    adjustment: BreakAdjustment | None = None


class BreakAssignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who looks at a break from now on, and why."""

    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["finance"])]
    evidence: Evidence


class BreakPage(msgspec.Struct, frozen=True):
    """A page of breaks, oldest business date first."""

    items: tuple[BreakView, ...]
    next_cursor: str | None


class PositionView(msgspec.Struct, frozen=True):
    """What one bearer owes one partner for a period; ``total`` is the sum of the three before it."""

    partner: str
    period: str
    currency: str
    bearer: str
    agreed: int
    disputed: int
    unreconciled: int
    total: int
    lines: int

    @classmethod
    def of(cls, position: NetPosition) -> PositionView:
        """Show a position."""
        return cls(**msgspec.structs.asdict(position), total=position.total)


class PositionList(msgspec.Struct, frozen=True):
    """Every position of a period."""

    items: tuple[PositionView, ...]


class ExportView(msgspec.Struct, frozen=True):
    """One version of a partner's files, as its control file says; ``files`` maps name to SHA-256."""

    partner: str
    period: str
    version: int
    detail_lines: int
    totals: dict[str, dict[str, str]]
    breaks: int
    open_breaks: int
    files: dict[str, str]

    @classmethod
    def of(cls, bundle: Bundle) -> ExportView:
        """Show a bundle."""
        values = msgspec.structs.asdict(bundle.control) | {"version": bundle.version, "files": bundle.control.sha256}
        return cls(**{name: values[name] for name in cls.__struct_fields__})


class ExportList(msgspec.Struct, frozen=True):
    """Versions, oldest first within a partner."""

    items: tuple[ExportView, ...]
