"""What a partner reports of the tier that is to be matched, held against what is recorded of the member."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection

from adapters.sdk.account_records import StatusReport
from catalogue import statuses
from catalogue.model import Catalogue
from catalogue.tier_match import HeldStatus, Provenance, unknown
from gateway.services.partner_members import Reported

OTHERWISE = "reported-otherwise"
NOT_CONFIRMED = "status-not-confirmed"
TEXTS = {
    OTHERWISE: "The partner reports another tier for the account than is recorded, or none.",
    NOT_CONFIRMED: "The partner was asked for the tier and gave no answer.",
}
"""Signals of the gateway's own, beside those that an edge names: a request that raises one waits for a person."""


def take(
    connection: Connection,
    catalogue: Catalogue,
    *,
    member_id: str,
    programme: str,
    reported: Reported | None,
    today: date,
    now: datetime,
) -> tuple[str, ...]:
    """Record a reported tier of which nothing was known, and name what a person has to look at.

    Args:
        connection: of a writing operation that holds the member's lock.
        catalogue: with the tier graph.
        member_id: whose.
        programme: the partner's.
        reported: what asking came to; None where the partner is not asked: what is recorded then counts alone.
        today: the programme's day.
        now: the instant.

    Raises:
        TierMatchRefusedError: the account that was asked about is no longer linked.
    """
    if reported is None:
        return ()
    held = [one for one in statuses.held_statuses(connection, member_id) if one.programme == programme]
    recorded = {one.tier for one in held if one.holds_on(today)}
    if reported.report is None:
        return (NOT_CONFIRMED,) if recorded else ()
    tier = _tier(reported.report, today)
    if tier is None or recorded:
        return () if not recorded or tier in recorded else (OTHERWISE,)
    if unknown(catalogue.tier_matches, programme, tier) is None:
        evidence = {"report": reported.report.reference or "asked"}
        status = _status(reported.report, programme, tier, today)
        statuses.record_reported(connection, catalogue.tier_matches, member_id, status, evidence, now)
    return ()


def _tier(report: StatusReport, today: date) -> str | None:
    """Give the tier that is reported for today; one that has ended is none."""
    ended = report.valid_until_date is not None and report.valid_until_date < today
    return report.tier if report.known and not ended else None


def _status(report: StatusReport, programme: str, tier: str, today: date) -> HeldStatus:
    return HeldStatus(
        programme=programme,
        tier=tier,
        provenance=Provenance.GIFTED if report.provenance == "granted" else Provenance.EARNED,
        valid_from_date=today,
        valid_to_date=report.valid_until_date,
    )
