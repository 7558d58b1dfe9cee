"""The six outcomes of a write, and the table that decides them. Default deny: what is not listed is UNKNOWN."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """What a partner's answer to a write proves.

    OK: done, and the echo was right. NO: a documented refusal, nothing was done. NOT_SENT: failed before the first
    byte of the request. BUSY: documented as not processed, try later. PENDING: documented as queued.
    UNKNOWN: everything else; it may or may not have been done.
    """

    OK = "ok"
    NO = "no"
    NOT_SENT = "not_sent"
    BUSY = "busy"
    PENDING = "pending"
    UNKNOWN = "unknown"


class LookUpAnswer(StrEnum):
    """What a look-up by our key proves; NOT_FOUND is not a proof of anything (rule R5)."""

    ISSUED = "issued"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    PENDING = "pending"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


ECHO_FAULTS = frozenset({"wrong_echo", "another_itinerary", "another_service", "another_amount"})
"""Codes of results whose answer was about something other than what was asked: another key, amount, currency, member or
service. Each is UNKNOWN, and the engine raises an alarm: somebody's answers may be mixed up, or forged."""


class ResponseRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One documented answer: HTTP status, the partner's own code (None: any), and what it proves."""

    status: int
    code: str | None
    outcome: Outcome
    source: str


class ResponseTable:
    """Documented answers of one operation, as data."""

    def __init__(self, *rules: ResponseRule) -> None:
        """Keep the rules; two for the same status and code are refused."""
        self._rules = {(rule.status, rule.code): rule for rule in rules}
        if len(self._rules) != len(rules):
            raise ValueError("two rules for one status and code")
        self.rules = rules

    def decide(self, status: int, code: str | None = None) -> Outcome:
        """Decide an answer: the exact rule, else the rule for any code of the status, else UNKNOWN."""
        rule = self._rules.get((status, code)) or self._rules.get((status, None))
        return rule.outcome if rule else Outcome.UNKNOWN
