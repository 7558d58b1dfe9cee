"""What ``gateway catalogue`` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from catalogue.loader import finding_line
from catalogue.plan import Change, KeyChange, Plan
from catalogue.versions import AppliedVersion
from gateway.services.budgets import Standing

SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def plan_lines(made: Plan) -> list[str]:
    """Write a plan: change by change, key by key, then what stands against it, then a sum."""
    if made.is_empty:
        return [f"Nothing would change: the files say what is applied ({made.target})."]
    lines = [line for change in made.changes for line in _change_lines(change, made.base is None)]
    for finding in made.findings:
        set_aside = finding.thing in made.overridden
        lines.append(f"{'overridden' if set_aside else finding.severity}: {finding_line(finding)}")
    counts = [f"{sum(one.action == action for one in made.changes)} {action}" for action in SIGNS]
    lines.append(f"{', '.join(counts)}. From {made.base or 'an empty database'} to {made.target}.")
    if made.errors:
        lines.append(f"{len(made.errors)} errors: `gateway catalogue apply` would refuse this.")
    return lines


def history_lines(found: Sequence[AppliedVersion]) -> list[str]:
    """Write the applied versions, a line each."""
    if not found:
        return ["Nothing was applied yet."]
    return [
        f"{one.number}  {one.applied_at:%Y-%m-%d %H:%M:%S} UTC  {one.content_hash}  {one.applied_by}"
        + (f"  overrides {', '.join(one.overridden)}" if one.overridden else "")
        + (f": {one.reason}" if one.reason else "")
        for one in found
    ]


def budget_lines(found: Sequence[Standing]) -> list[str]:
    """Write what is taken of each budget, a line for each period."""
    if not found:
        return ["Nothing was taken of any budget yet."]
    return [
        f"{one.budget_id}  {one.period_start_date} to {one.period_last_date}  "
        f"{one.used} of {one.cap} {one.unit}, {one.remaining} left"
        for one in found
    ]


def _change_lines(change: Change, first: bool) -> Iterator[str]:
    where = change.file if change.line is None else f"{change.file}, line {change.line}"
    when = f", takes effect on {change.takes_effect_date}" if change.takes_effect_date else ""
    against = f", against {change.compared_with}" if change.compared_with else ""
    yield f"{SIGNS[change.action]} {change.thing}  ({where}{when}{against})"
    if not first and change.action != "removed":
        yield from (_key_line(one) for one in change.keys)


def _key_line(change: KeyChange) -> str:
    if isinstance(change.old, list) and isinstance(change.new, list):
        gone = [f"-{_shown(one)}" for one in change.old if one not in change.new]
        come = [f"+{_shown(one)}" for one in change.new if one not in change.old]
        return f"    {change.key}: {' '.join([*gone, *come]) or 'in another order'}"
    if change.old is None:
        return f"    {change.key}: {_shown(change.new)}"
    return f"    {change.key}: {_shown(change.old)} -> {'unset' if change.new is None else _shown(change.new)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
