"""``mapping.toml`` as it is written: how a partner's REST calls look and what its answers prove. Pure.

What the keys mean is told in ``docs/integrators-guide.md``; what is wrong with a file is found in `compiling`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from adapters.sdk.declarative.fields import ServiceKind
from adapters.sdk.outcomes import LookUpAnswer, Outcome


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file."""


class Rule(Table, frozen=True, kw_only=True):
    """One documented answer and what it proves. Without ``codes`` it is for any code of the status."""

    status: int | tuple[int, ...]
    outcome: Outcome
    codes: tuple[str, ...] = ()


class FoundRule(Table, frozen=True, kw_only=True):
    """One documented answer to a look-up and what it proves."""

    status: int | tuple[int, ...]
    means: LookUpAnswer
    codes: tuple[str, ...] = ()


class MoneyAt(Table, frozen=True, kw_only=True):
    """Where money stands: a decimal at ``amount`` or an integer at ``minor_units``, and its currency."""

    currency: str
    amount: str = ""
    minor_units: str = ""


class Exchange(Table, frozen=True, kw_only=True):
    """One call and how its answer is read.

    ``code`` and ``error_code``: paths to the partner's own code, in answers below 300 and in the others. ``identity``
    and ``error_identity``: what every such answer repeats, as field to path; ``echo``: what a granted reservation
    repeats besides. Left out, all of them are the file's. ``carry``: what later calls need, as name to path.
    ``prepare`` and ``judge`` name functions of the package's ``hooks.py``.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: dict[str, Any] | None = None
    encoding: Literal["json", "form"] = "json"
    code: str | None = None
    error_code: str | None = None
    identity: dict[str, Any] | None = None
    error_identity: dict[str, Any] | None = None
    echo: dict[str, Any] | None = None
    reference: str = ""
    carry: dict[str, str] = {}
    prepare: str = ""
    judge: str = ""


class Quote(Exchange, frozen=True, kw_only=True):
    """Asks for offers. Paths count from one offer of the list at ``offers``; without it the answer is one offer."""

    answers: tuple[Rule, ...]
    offers: str = ""
    token: str
    title: str = ""
    untitled: str = ""
    price: MoneyAt | None = None
    expires_at: str = ""
    expires_after_seconds: int = 0
    refundable_until_at: str = ""
    pays_partner: bool = False
    service: dict[str, str] = {}


class StepTable(Exchange, frozen=True, kw_only=True):
    """One step of a reservation; exactly one is the commit."""

    name: str
    answers: tuple[Rule, ...]
    commit: bool = False


class LookUp(Exchange, frozen=True, kw_only=True):
    """Asks what became of our key; ``refund`` is read of one that was cancelled."""

    answers: tuple[FoundRule, ...]
    refund: MoneyAt | None = None


class Withdrawal(Exchange, frozen=True, kw_only=True):
    """A cancel or a fence."""

    answers: tuple[Rule, ...]
    refund: MoneyAt | None = None


class Usage(Exchange, frozen=True, kw_only=True):
    """Asks for the uses of an account. Paths count from one use of the list at ``uses``.

    ``visitors`` counts all people, ``guests`` those beside the member: either may be left out where the other is there.
    """

    answers: tuple[Rule, ...]
    uses: str
    place: str
    used_at: str
    visitors: str = ""
    guests: str = ""
    charge: MoneyAt | None = None


class Webhook(Table, frozen=True, kw_only=True):
    """Reads a verified callback. ``kinds``: the partner's word at ``kind`` to ours; others are of no interest.

    ``id``: path to the event's id, for schemes that do not carry one in a header.
    """

    kind: str
    kinds: dict[str, str]
    reference: str
    occurred_at: str
    id: str = ""
    sequence: str = ""
    partner_reference: str = ""
    guests: str = ""


class Statement(Table, frozen=True, kw_only=True):
    """Where a day's file in the contractual format lies; ``{date}`` stands for the day, empty: it comes another way."""

    path: str = ""


class MappingFile(Table, frozen=True, kw_only=True):
    """The whole file. ``busy``: answers that promise everywhere that nothing was done."""

    service: ServiceKind
    source: str
    time_zone: str = "UTC"
    local_times: bool = False
    options: dict[str, str] = {}
    code: str = ""
    error_code: str = ""
    identity: dict[str, Any] = {}
    error_identity: dict[str, Any] = {}
    echo: dict[str, Any] = {}
    busy: tuple[Rule, ...] = ()
    quote: Quote | None = None
    steps: tuple[StepTable, ...] = ()
    look_up: LookUp | None = None
    cancel: Withdrawal | None = None
    fence: Withdrawal | None = None
    usage: Usage | None = None
    webhook: Webhook | None = None
    statement: Statement | None = None


SECTIONS = {
    "quotes_offers": "quote",
    "reserves": "steps",
    "looks_up": "look_up",
    "cancels": "cancel",
    "fences": "fence",
    "reports_usage": "usage",
    "receives_webhooks": "webhook",
    "reports_statements": "statement",
}
"""Capability to the part of the file that gives it."""
