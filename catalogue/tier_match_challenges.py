"""Timed challenges: a status on trial from its first day, kept when a target is met by the deadline.

Whatever comes of it, the status was not earned and leads nowhere.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

import msgspec

from catalogue.calendar import add_months
from catalogue.tier_match_graph import Edge, HeldStatus, Provenance


class Outcome(StrEnum):
    """How a challenge stands."""

    OPEN = "open"
    MET = "met"
    MISSED = "missed"


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge as it was begun: later changes of its edge leave it alone.

    Attributes:
        deadline_date: the last day that counts.
        months: how long the status is kept when the target is met.
        progress: what was counted so far, as last told; only what was done by the deadline counts.
    """

    edge_id: str
    programme: str
    tier: str
    started_date: date
    deadline_date: date
    target: int
    months: int
    progress: int = 0


def start(edge: Edge, on_date: date) -> Challenge:
    """Begin the challenge of an edge on a day.

    Raises:
        ValueError: the edge is no challenge, or grants no tier.
    """
    if edge.challenge is None or edge.to_tier is None:
        raise ValueError(f"the edge {edge.id!r} is no challenge")
    return Challenge(
        edge_id=edge.id,
        programme=edge.to_programme,
        tier=edge.to_tier,
        started_date=on_date,
        deadline_date=edge.challenge.deadline(on_date),
        target=edge.challenge.target,
        months=edge.months,
    )


def outcome_of(challenge: Challenge, on_date: date) -> Outcome:
    """Say how a challenge stands at the end of a day, by the progress made up to it."""
    if challenge.progress >= challenge.target:
        return Outcome.MET
    return Outcome.MISSED if on_date > challenge.deadline_date else Outcome.OPEN


def kept_status(challenge: Challenge, met_date: date) -> HeldStatus:
    """Make the status that a met challenge keeps, from the day after it was met (the trial holds until then).

    Args:
        challenge: one that is met.
        met_date: the day on which the target was reached, at most the deadline.
    """
    return HeldStatus(
        programme=challenge.programme,
        tier=challenge.tier,
        provenance=Provenance.CHALLENGE,
        valid_from_date=met_date + timedelta(days=1),
        valid_to_date=add_months(met_date, challenge.months),
        edge_id=challenge.edge_id,
    )
