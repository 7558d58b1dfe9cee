"""Signs of fraud in a request for a match. They refuse nothing: they send the request to a person."""

from __future__ import annotations

from datetime import date, timedelta

from catalogue.tier_match_graph import Edge, Signal, SignalKind, TierGraph
from catalogue.tier_match_rules import MatchFacts


def raised(graph: TierGraph, edge: Edge, partner: str | None, facts: MatchFacts, on_date: date) -> tuple[Signal, ...]:
    """List the signals of an edge that a request raises on a day, in the edge's order.

    Args:
        graph: knows the signals by id; the lint refuses an edge that names another.
        edge: names the signals that count for it.
        partner: whose linked account is the evidence; None when there is none.
        facts: of the member; an instant that is not known raises nothing.
        on_date: the day of the request.
    """
    known = {signal.id: signal for signal in graph.signals}
    return tuple(known[name] for name in edge.signals if _is_raised(known[name], partner, facts, on_date))


def _is_raised(signal: Signal, partner: str | None, facts: MatchFacts, on_date: date) -> bool:
    first = on_date - timedelta(days=signal.within_days - 1)
    linked = (facts.links or {}).get(partner) if partner is not None else None
    matches = [use.on_date for use in facts.used or ()]
    happened: dict[SignalKind, list[date | None]] = {
        SignalKind.ACCOUNT_AGE: [facts.member_since_date],
        SignalKind.LINK_AGE: [linked],
        SignalKind.EMAIL_CHANGE: [facts.email_changed_date],
        SignalKind.MATCHES: list(matches),
    }
    recent = [day for day in happened[signal.kind] if day is not None and first <= day <= on_date]
    return len(recent) >= signal.times
