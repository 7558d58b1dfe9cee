"""The tier graph's face: what other rooms import, whatever file it lies in.

`tier_match_graph` is the data, `tier_match_levels` the alliances, `tier_match_rules` what may be matched,
`tier_match_explain` why, `tier_match_challenges` statuses on trial, `tier_match_signals` what a person looks at first.
"""

from __future__ import annotations

from catalogue.tier_match_challenges import Challenge, Outcome, kept_status, outcome_of, start
from catalogue.tier_match_explain import Explanation, explain
from catalogue.tier_match_graph import (
    Cap,
    Certainty,
    ChallengeTerms,
    Dispute,
    Edge,
    EdgeKind,
    HeldStatus,
    Ladder,
    Level,
    Provenance,
    Signal,
    SignalKind,
    TierGraph,
)
from catalogue.tier_match_levels import LevelAnswer, level_on, unknown
from catalogue.tier_match_rules import MatchFacts, MatchOffer, UsedMatch, grant_of, last_day, offers, reported_status
from catalogue.tier_match_signals import raised

__all__ = [
    "Cap",
    "Certainty",
    "Challenge",
    "ChallengeTerms",
    "Dispute",
    "Edge",
    "EdgeKind",
    "Explanation",
    "HeldStatus",
    "Ladder",
    "Level",
    "LevelAnswer",
    "MatchFacts",
    "MatchOffer",
    "Outcome",
    "Provenance",
    "Signal",
    "SignalKind",
    "TierGraph",
    "UsedMatch",
    "explain",
    "grant_of",
    "kept_status",
    "last_day",
    "level_on",
    "offers",
    "outcome_of",
    "raised",
    "reported_status",
    "start",
    "unknown",
]
