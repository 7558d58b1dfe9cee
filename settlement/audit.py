"""The audit: on any database, at any time, is the ledger true? Findings are data; a true ledger has none.

Every rule is one aggregating statement that answers only what breaks it, so that a large ledger is read a few times
and never carried through this process. Read it in one snapshot (``database.read``).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from settlement.audit_lines import LINE_RULES
from settlement.audit_rules import LEDGER_RULES
from settlement.tables import accounts, journal_entries, lots, postings, settlement_lines

RULES = {**LEDGER_RULES, **LINE_RULES}
"""Every rule by name."""

FINDINGS_PER_RULE = 100
"""More of one kind than this are counted by nobody: one is enough to stop."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it must be: the rule, what it is about, and what was found."""

    rule: str
    subject: str
    message: str


class AuditReport(msgspec.Struct, frozen=True):
    """What was found, how much was looked at, and the holds that are open."""

    findings: tuple[Finding, ...]
    counts: dict[str, int]
    open_holds: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def audit(connection: Connection, *, live_hold_keys: Collection[str] | None = None) -> AuditReport:
    """Check every rule of the ledger.

    Args:
        connection: of a reading transaction.
        live_hold_keys: the hold keys of redemptions that are undecided. When given, an open hold that is not among them
            is a finding, and so is one of them whose hold is not open.
    """
    findings = [
        Finding(rule, str(subject), message)
        for rule, statement in RULES.items()
        for subject, message in _broken(connection, statement)
    ]
    open_holds = tuple(row.key for row in connection.execute(_open_holds()))
    if live_hold_keys is not None:
        findings += _orphans(set(open_holds), set(live_hold_keys))
    return AuditReport(tuple(findings), _counts(connection), open_holds)


def _broken(connection: Connection, statement: sa.Select[Any]) -> list[tuple[str, str]]:
    rows = connection.execute(statement.limit(FINDINGS_PER_RULE)).all()
    return [
        (" ".join(str(value) for name, value in row._mapping.items() if not name.startswith("found_")), _words(row))
        for row in rows
    ]


def _words(row: sa.Row[Any]) -> str:
    found = {name.removeprefix("found_"): value for name, value in row._mapping.items() if name.startswith("found_")}
    return ", ".join(f"{name} {value}" for name, value in found.items())


def _open_holds() -> sa.Select[tuple[str]]:
    end = journal_entries.alias("end")
    return (
        sa.select(journal_entries.c.key)
        .select_from(journal_entries.outerjoin(end, end.c.ends_key == journal_entries.c.key))
        .where(journal_entries.c.kind == "hold", end.c.key.is_(None))
        .order_by(journal_entries.c.key)
    )


def _orphans(open_holds: set[str], live: set[str]) -> list[Finding]:
    return [
        *(
            Finding("hold_without_redemption", key, "open, and no redemption waits")
            for key in sorted(open_holds - live)
        ),
        *(Finding("redemption_without_hold", key, "waited for, and not open") for key in sorted(live - open_holds)),
    ]


def _counts(connection: Connection) -> dict[str, int]:
    tables = (accounts, journal_entries, postings, lots, settlement_lines)
    return {
        table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables
    }
