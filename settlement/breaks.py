"""Breaks: items that the two sides do not agree on. What each is called, who owns it, how old it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from catalogue.identifiers import PREFIXES
from settlement.derived import derived_id
from settlement.matching.rules import MATCHED, MatchResult

OWNERS = {
    "missing_ours": "operations",
    "missing_theirs": "partner",
    "amount": "finance",
    "currency": "finance",
    "rate": "finance",
    "date": "partner",
    "status": "operations",
    "duplicate": "partner",
}
"""Who looks at a break of a kind first; a person may assign it to somebody else."""

BUCKETS = ((1, "0-1"), (3, "2-3"), (7, "4-7"), (30, "8-30"))
"""Ages in days, upper end inclusive."""


class Record(msgspec.Struct, frozen=True):
    """What is known of one record of either side, for the evidence of a break. Amount in minor units."""

    id: str
    business_date: date
    reference: str | None
    partner_reference: str | None
    kind: str
    service_date: date
    quantity: int
    amount: int | None
    currency: str | None
    status: str
    redemption_id: str | None = None


class Break(msgspec.Struct, frozen=True):
    """One break. Amounts in minor units; for a group they are sums and the evidence names every record."""

    id: str
    partner: str
    business_date: date
    kind: str
    ours_id: str | None
    theirs_id: str | None
    reference: str | None
    ours_amount: int | None
    ours_currency: str | None
    theirs_amount: int | None
    theirs_currency: str | None
    owner: str
    evidence: dict[str, Any]


def age_days(business_date: date, as_of_date: date) -> int:
    """Count the days a break has been there; none before its day."""
    return max((as_of_date - business_date).days, 0)


def bucket(age: int) -> str:
    """Name the bucket of an age in days."""
    return next((name for limit, name in BUCKETS if age <= limit), "over 30")


def breaks_of(partner: str, results: Iterable[MatchResult], records: Mapping[str, Record]) -> list[Break]:
    """Make the breaks of a run, ordered by id.

    A pair or a single record gives one break; the rows of a group that does not agree give one together. The id follows
    from partner, kind and records, so the same finding is the same break in every run.

    Args:
        partner: whose statement it is.
        results: rows of the matching; matched ones are passed over.
        records: every record that a result names, by id.
    """
    found: list[Break] = []
    groups: dict[str, list[MatchResult]] = {}
    for result in results:
        if result.outcome == MATCHED:
            continue
        if result.group_reference is not None and result.outcome != "duplicate":
            groups.setdefault(result.group_reference, []).append(result)
        else:
            found.append(_break(partner, [result], records))
    found.extend(_break(partner, group, records) for group in groups.values())
    return sorted(found, key=lambda item: item.id)


def _break(partner: str, results: list[MatchResult], records: Mapping[str, Record]) -> Break:
    ours = sorted(result.ours_id for result in results if result.ours_id)
    theirs = sorted(result.theirs_id for result in results if result.theirs_id)
    kind = results[0].outcome
    return Break(
        id=derived_id(PREFIXES["break"], partner, kind, *(ours or ["-"]), "/", *(theirs or ["-"])),
        partner=partner,
        business_date=records[(ours or theirs)[0]].business_date,
        kind=kind,
        ours_id=ours[0] if ours else None,
        theirs_id=theirs[0] if theirs else None,
        reference=results[0].reference,
        ours_amount=_sum(ours, records),
        ours_currency=_currency(ours, records),
        theirs_amount=_sum(theirs, records),
        theirs_currency=_currency(theirs, records),
        owner=OWNERS[kind],
        evidence={
            "pass": results[0].pass_name,
            "ours": [_evidence(records[name]) for name in ours],
            "theirs": [_evidence(records[name]) for name in theirs],
        },
    )


def _sum(ids: list[str], records: Mapping[str, Record]) -> int | None:
    amounts = [amount for amount in (records[name].amount for name in ids) if amount is not None]
    return sum(amounts) if amounts and _currency(ids, records) else None


def _currency(ids: list[str], records: Mapping[str, Record]) -> str | None:
    currencies = {records[name].currency for name in ids if records[name].amount is not None}
    return currencies.pop() if len(currencies) == 1 else None


def _evidence(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "business_date": record.business_date.isoformat(),
        "reference": record.reference,
        "partner_reference": record.partner_reference,
        "kind": record.kind,
        "service_date": record.service_date.isoformat(),
        "quantity": str(record.quantity),
        "amount": None if record.amount is None else str(record.amount),
        "currency": record.currency,
        "status": record.status,
        "redemption_id": record.redemption_id,
    }
