"""Each rule of the kit is broken by an adapter that does one thing wrong, and by that one no other rule is."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import msgspec
import pytest

from adapters.sdk.testing import examination
from adapters.sdk.testing.examination import Report, examine, grade_of
from adapters.sdk.testing.rules import writing
from adapters.sdk.testing.rules.catalogue import RULES
from adapters.sdk.testing.rules.rule import Grade, Rule, RuleResult, Status
from gateway.cli.adapter_check import table
from tests.adapters.sdk.hostile import GOOD, HOSTILE, Hostile, acting
from tests.adapters.sdk.hostile_accounts import HOSTILE_ABOUT_ACCOUNTS
from tests.adapters.sdk.hostile_links import LINKS

EVERYBODY = (*HOSTILE, *HOSTILE_ABOUT_ACCOUNTS, *LINKS)

MODES = ("commit_then_reset", "gzip_bomb", "html_200", "wrong_echo")
"""Enough of the faults to see that an adapter is not misled; what ships is held to all of them."""


def quick(rule: Rule) -> Rule:
    match rule.id:
        case "fault_never_misleads":
            return msgspec.structs.replace(rule, prove=partial(writing.fault_never_misleads, modes=MODES))
        case "limits_kept":
            return msgspec.structs.replace(rule, prove=partial(writing.limits_kept, hang_seconds=1.5))
        case _:
            return rule


QUICK = tuple(map(quick, RULES))


async def examined(hostile: Hostile, folder: Path) -> Report:
    subject = hostile.make(folder)
    return await examine(subject.package, subject=subject, rules=QUICK)


@pytest.mark.parametrize("hostile", EVERYBODY, ids=lambda each: f"{each.rule}-{each.wrong.replace(' ', '_')}")
async def test_a_hostile_adapter_breaks_its_rule_and_no_other(hostile: Hostile, tmp_path: Path) -> None:
    report = await examined(hostile, tmp_path)
    assert report.broken() == [hostile.rule], report.results
    result = next(each for each in report.results if each.id == hostile.rule)
    rule = next(each for each in RULES if each.id == hostile.rule)
    assert result.status is Status.FAILED
    assert hostile.says in result.reason
    assert result.remedy == rule.remedy
    said = "\n".join(table(report))
    assert f"{hostile.rule} " in said, "the rule by its name"
    assert "to do:" in said, "and the way out of it"
    assert rule.remedy in said
    assert Grade[report.grade.upper()] == rule.grade - 1


def test_every_rule_is_broken_by_somebody() -> None:
    assert {rule.id for rule in RULES} == {each.rule for each in EVERYBODY} | {"package_loads"}


def test_every_rule_says_what_it_proves_and_what_to_do() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert [rule.id for rule in RULES if not (rule.title and rule.proves and rule.remedy.endswith("."))] == []
    assert [rule.grade for rule in RULES] == sorted(rule.grade for rule in RULES)


async def test_what_builds_on_a_broken_rule_is_not_run() -> None:
    subject = acting(fence=None)(Path())
    report = await examine(subject.package, subject=subject, rules=QUICK)
    told = {each.id: (each.status, each.reason) for each in report.results}
    assert told["fence_leaves_tombstone"] == (Status.NOT_RUN, "declared_is_implemented failed")
    assert told["documented"][0] is Status.PASSED


async def test_a_rule_that_does_not_end_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleeps(self: object, request: object) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(examination, "RULE_SECONDS", 0.3)
    subject = acting(look_up=sleeps)(Path())
    rules = [rule for rule in QUICK if rule.id in ("simulator_starts", "unknown_key_is_not_found")]
    report = await examine(subject.package, subject=subject, rules=rules)
    assert [(each.status, each.reason) for each in report.results[1:]] == [
        (Status.FAILED, "it did not end within 0.3 s")
    ]


def graded(*grades: tuple[str, Status]) -> Grade:
    return grade_of([RuleResult(f"rule_{number}", "", *each) for number, each in enumerate(grades)])


def test_a_grade_needs_all_its_rules_and_those_below() -> None:
    passed, failed, absent, left = Status.PASSED, Status.FAILED, Status.NOT_APPLICABLE, Status.NOT_RUN
    assert graded(("bronze", passed), ("silver", absent), ("gold", passed), ("platinum", passed)) is Grade.PLATINUM
    assert graded(("bronze", passed), ("silver", passed), ("gold", passed), ("platinum", left)) is Grade.GOLD
    assert graded(("bronze", passed), ("silver", failed), ("gold", passed), ("platinum", passed)) is Grade.BRONZE
    assert graded(("bronze", passed), ("bronze", failed), ("silver", passed)) is Grade.FAILED


def test_the_good_one_is_what_the_hostile_ones_are_made_of() -> None:
    assert GOOD.package.manifest.profile == "A"
