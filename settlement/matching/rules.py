"""What the matching is told: the columns of a snapshot, the tolerances, the words of the result. Pure."""

from __future__ import annotations

import re
from typing import Literal, get_args

import msgspec

Kind = Literal["missing_ours", "missing_theirs", "amount", "currency", "rate", "date", "status", "duplicate"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MATCHED = "matched"

SNAPSHOT_COLUMNS: dict[str, str] = {
    "id": "string",
    "reference": "string",
    "partner_reference": "string",
    "kind": "string",
    "member_hash": "string",
    "service_day": "int64",
    "quantity": "int64",
    "amount": "int64",
    "currency": "string",
    "stands": "boolean",
}
"""Columns of either side's snapshot. ``service_day`` counts days from 1970-01-01; ``amount`` is in minor units,
null with its currency where nothing is owed.

``stands`` says whether the side holds the service to be delivered and due (not cancelled, refused or voided).
"""

RESULT_COLUMNS = (
    "record",
    "ours_id",
    "theirs_id",
    "outcome",
    "pass_name",
    "group_reference",
    "reference",
    "ours_amount",
    "ours_currency",
    "ours_quantity",
    "ours_service_day",
    "ours_stands",
    "theirs_amount",
    "theirs_currency",
    "theirs_quantity",
    "theirs_service_day",
    "theirs_stands",
)


class MatchingRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tolerances of one partner's contract.

    ``amount_tolerance`` in minor units; ``date_tolerance_days`` is what still counts as the same date;
    ``search_window_days`` is how far the attribute pass looks; ``reference_prefixes`` are what the partner is known to
    put before our key; ``rated_kinds`` are those whose amount is quantity times a published rate.
    """

    amount_tolerance: int = 0
    date_tolerance_days: int = 0
    search_window_days: int = 1
    reference_prefixes: tuple[str, ...] = ()
    rated_kinds: tuple[str, ...] = ("conversion",)


class MatchResult(msgspec.Struct, frozen=True):
    """One row of the result; the columns of `RESULT_COLUMNS`.

    A pair names both records. A record without a counterpart, or in a group, names one. ``outcome`` is ``matched`` or
    the kind of the break.
    """

    record: str
    ours_id: str | None
    theirs_id: str | None
    outcome: str
    pass_name: str
    group_reference: str | None
    reference: str | None
    ours_amount: int | None
    ours_currency: str | None
    ours_quantity: int | None
    ours_service_day: int | None
    ours_stands: bool | None
    theirs_amount: int | None
    theirs_currency: str | None
    theirs_quantity: int | None
    theirs_service_day: int | None
    theirs_stands: bool | None


def normalised_prefixes(rules: MatchingRules) -> str | None:
    """Answer the regular expression of the known prefixes after upper-casing and dropping separators."""
    cleaned = sorted({re.sub(r"[^0-9A-Z]", "", prefix.upper()) for prefix in rules.reference_prefixes} - {""})
    return "^(" + "|".join(cleaned) + ")" if cleaned else None
