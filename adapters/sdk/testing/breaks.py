"""Breaks planted into a statement on purpose, so that a reconciliation can be shown to find each of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from adapters.sdk.records import StatementLine
from catalogue.values import Money

BreakKind = Literal["missing_row", "extra_row", "amount_changed", "duplicate_row", "status_changed"]
DELTA_MINOR_UNITS = 700
"""By how much a changed amount is off, unless the plan says otherwise."""


class PlannedBreak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault to plant.

    ``reference``: our key of the row to spoil; None takes the first row that no other plan has taken.
    ``delta_minor_units``: for ``amount_changed``.
    """

    kind: BreakKind
    reference: str | None = None
    delta_minor_units: int = DELTA_MINOR_UNITS


class PlantedBreak(msgspec.Struct, frozen=True):
    """What was planted where: the answer key for a reconciliation."""

    kind: BreakKind
    reference: str | None
    partner_reference: str | None


def plant(
    lines: Sequence[StatementLine], plan: Sequence[PlannedBreak]
) -> tuple[list[StatementLine], list[PlantedBreak]]:
    """Spoil the rows as planned, in order; a plan that finds no row to spoil plants nothing.

    Each true row is spoilt at most once, so that each break can be told from every other.
    """
    spoilt = list(lines)
    planted: list[PlantedBreak] = []
    taken: set[str | None] = set()
    for number, item in enumerate(plan, start=1):
        if item.kind == "extra_row":
            extra = _extra(lines, number)
            if extra is not None:
                spoilt.append(extra)
                planted.append(PlantedBreak(item.kind, extra.reference, extra.partner_reference))
            continue
        index = _choose(spoilt, item, taken)
        if index is None:
            continue
        line = spoilt[index]
        taken.add(line.reference)
        spoilt[index : index + 1] = _spoil(line, item)
        planted.append(PlantedBreak(item.kind, line.reference, line.partner_reference))
    return spoilt, planted


def _choose(lines: Sequence[StatementLine], item: PlannedBreak, taken: set[str | None]) -> int | None:
    for index, line in enumerate(lines):
        wanted = item.reference is None or line.reference == item.reference
        possible = item.kind != "amount_changed" or line.amount is not None
        if wanted and possible and line.reference not in taken:
            return index
    return None


def _spoil(line: StatementLine, item: PlannedBreak) -> list[StatementLine]:
    replace = msgspec.structs.replace
    match item.kind:
        case "missing_row":
            return []
        case "duplicate_row":
            return [line, line]
        case "status_changed":
            return [replace(line, status="completed" if line.status == "cancelled" else "cancelled")]
        case _:
            amount = line.amount or Money(0, "CNY")
            return [replace(line, amount=Money(amount.amount + item.delta_minor_units, amount.currency))]


def _extra(lines: Sequence[StatementLine], number: int) -> StatementLine | None:
    if not lines:
        return None
    model = lines[0]
    return msgspec.structs.replace(model, reference=f"unknown-{number}", partner_reference=f"EXTRA-{number}")
