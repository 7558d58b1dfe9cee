"""The difference between what was applied and what the files say, the way a reviewer wants to see it.

Changes are listed thing by thing and key by key, old and new; a new version is shown against the one before it. Beside
them stand the objections of `catalogue.notice`. An objection can be overridden for a named thing, for cases such as a
partner that corrects its published terms after the day; whoever does so gives a reason, and both are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any, Literal

import msgspec

from catalogue.lints import Finding
from catalogue.notice import (
    NoticeRules,
    object_to_added,
    object_to_changed,
    object_to_removed,
    validity,
)
from catalogue.things import ORDER, Thing, content_hash, flatten


class KeyChange(msgspec.Struct, frozen=True):
    """One key; None where it is not set on that side."""

    key: str
    old: Any
    new: Any


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that differs.

    Attributes:
        file: where it is written, or was when it was applied; `line` is None for what was removed.
        takes_effect_date: None when it takes effect as soon as it is applied.
        compared_with: the version before it that a new version is shown against.
    """

    action: Literal["added", "removed", "changed"]
    thing: str
    file: str
    line: int | None
    takes_effect_date: date | None
    keys: tuple[KeyChange, ...]
    compared_with: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that applying would do.

    Attributes:
        base: content hash of what is applied; None when nothing is.
        target: content hash of the files; equal to `base` when nothing would change.
        findings: objections; errors stop `apply` unless they are among `overridden`.
        overridden: things whose objections are set aside.
    """

    base: str | None
    target: str
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    overridden: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether applying would change nothing."""
        return self.base == self.target

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The objections that stop it."""
        return tuple(one for one in self.findings if one.severity == "error" and one.thing not in self.overridden)


def make_plan(
    applied: Mapping[str, Thing] | None,
    wanted: Mapping[str, Thing],
    rules: NoticeRules,
    today: date,
    overridden: Collection[str] = (),
) -> Plan:
    """Compare the things of two catalogues.

    Args:
        applied: what holds now; None on an empty database, where nothing is objected to because nobody relies on it.
        wanted: what the files say.
        rules: the notice promised; of what is applied, so that they are not softened in the change they would stop.
        today: the programme's day.
        overridden: names of things whose objections are set aside.
    """
    old = applied or {}
    changes: list[Change] = []
    findings: list[Finding] = []
    for name in sorted({*old, *wanted}):
        change = _change(old, wanted, name)
        if change is not None:
            changes.append(change)
            if applied is not None:
                findings += _findings(rules, change, old, wanted, today)
    return Plan(
        base=None if applied is None else content_hash(applied),
        target=content_hash(wanted),
        changes=tuple(changes),
        findings=tuple(findings),
        overridden=tuple(sorted(overridden)),
    )


def _change(old: Mapping[str, Thing], new: Mapping[str, Thing], name: str) -> Change | None:
    before, after = old.get(name), new.get(name)
    if before is None:
        assert after is not None
        previous = _previous(new, after)
        keys = _differences(previous.content if previous else {}, after.content)
        return _described("added", after, keys, previous)
    if after is None:
        return _described("removed", before, _differences(before.content, {}), None)
    keys = _differences(before.content, after.content)
    return _described("changed", after, keys, None) if keys else None


def _described(
    action: Literal["added", "removed", "changed"], thing: Thing, keys: tuple[KeyChange, ...], previous: Thing | None
) -> Change:
    return Change(
        action=action,
        thing=thing.name,
        file=thing.file,
        line=None if action == "removed" else thing.line,
        takes_effect_date=validity(thing.content).starts_date,
        keys=keys,
        compared_with=None if previous is None else previous.name,
    )


def _previous(things: Mapping[str, Thing], thing: Thing) -> Thing | None:
    """Find the version before a new one."""
    earlier = [
        other
        for other in things.values()
        if (other.kind, other.id) == (thing.kind, thing.id)
        and other.version is not None
        and thing.version is not None
        and other.version < thing.version
    ]
    return max(earlier, key=lambda other: other.version or 0, default=None)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[KeyChange, ...]:
    before, after = flatten(old), flatten(new)
    return tuple(
        KeyChange(key, before.get(key), after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
        and not (key.endswith(ORDER) and _same_order(before.get(key), after.get(key)))
    )


def _same_order(old: list[str] | None, new: list[str] | None) -> bool:
    """Say whether what two orders have in common stands in the same order: what came or went is told by itself."""
    common = {*(old or ())} & {*(new or ())}
    return [one for one in old or () if one in common] == [one for one in new or () if one in common]


def _findings(
    rules: NoticeRules, change: Change, old: Mapping[str, Thing], new: Mapping[str, Thing], today: date
) -> Iterator[Finding]:
    before, after = old.get(change.thing), new.get(change.thing)
    keys = [one.key for one in change.keys]
    if after is None:
        assert before is not None
        objections = object_to_removed(rules, before.kind, before.content, today)
    elif before is None:
        replaces = any((one.kind, one.id) == (after.kind, after.id) for one in old.values())
        objections = object_to_added(rules, after.kind, after.content, replaces=replaces, today=today)
    else:
        objections = object_to_changed(rules, after.kind, before.content, after.content, keys, today)
    for one in objections:
        yield Finding(
            severity=one.severity,
            file=change.file,
            key=one.key,
            message=f"{change.thing}: {one.message}",
            fix=one.fix,
            thing=change.thing,
        )
