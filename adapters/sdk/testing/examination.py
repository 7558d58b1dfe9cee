"""Examines one adapter by every rule that applies, and says what grade it reached. Offline, and never a traceback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from adapters.sdk.errors import ManifestError
from adapters.sdk.registry import AdapterPackage, load_part
from adapters.sdk.testing.bench import Subject, open_bench
from adapters.sdk.testing.rules.catalogue import DECLARED, HONEST, LOADS, RULES, STARTS
from adapters.sdk.testing.rules.rule import (
    Grade,
    NotApplicableError,
    NotRunError,
    Rule,
    RuleBrokenError,
    RuleResult,
    Status,
)
from config.errors import GatewayError

RULE_SECONDS = 20.0
"""How long one rule may take before it counts as broken."""
START_SECONDS = 20.0
"""How long simulator and adapter may take to start."""
FOUNDATIONS = (STARTS, DECLARED, HONEST)
"""Rules that others build on: where one is broken, the others would only say it again."""
KEPT = frozenset({Status.PASSED, Status.NOT_APPLICABLE})


class Report(msgspec.Struct, frozen=True):
    """An adapter's grade and how it came by it. ``profile`` is None where the manifest could not be read."""

    name: str
    profile: str | None
    grade: str
    results: list[RuleResult]

    def broken(self) -> list[str]:
        """Name the rules that failed."""
        return [each.id for each in self.results if each.status is Status.FAILED]


async def examine(
    package: AdapterPackage,
    *,
    subject: Subject | None = None,
    rules: Sequence[Rule] = RULES,
    on_result: Callable[[RuleResult], None] = lambda result: None,
) -> Report:
    """Examine a package.

    Args:
        package: loaded, which is the first rule.
        subject: instead of the one that the package's ``conformance.py`` makes.
        rules: those to apply.
        on_result: told of each as it ends.
    """
    results: list[RuleResult] = []
    for rule in rules:
        result = _hindered(rule, package, results)
        if result is None and rule is STARTS:
            subject, result = await _start(package, subject)
        result = result or await _apply(rule, package, subject)
        results.append(result)
        on_result(result)
    return Report(package.name, package.manifest.profile.value, grade_of(results).word, results)


def unloadable(name: str, problem: str, broken: Rule = LOADS) -> Report:
    """Report an adapter that cannot be loaded, by the rule that it broke: no other is run."""
    results = [
        _told(rule, Status.FAILED, problem) if rule is broken else _told(rule, Status.NOT_RUN, f"{broken.id} failed")
        for rule in RULES
    ]
    return Report(name, None, Grade.FAILED.word, results)


def grade_of(results: Sequence[RuleResult]) -> Grade:
    """Answer the highest grade whose rules, and all those below it, are kept."""
    reached = Grade.FAILED
    for grade in list(Grade)[1:]:
        if any(each.grade == grade.word and each.status not in KEPT for each in results):
            break
        reached = grade
    return reached


def _hindered(rule: Rule, package: AdapterPackage, results: Sequence[RuleResult]) -> RuleResult | None:
    """Say why a rule is not tried: it is about something else, or builds on one that failed; None when it is tried."""
    missing = rule.needs - frozenset(package.manifest.capabilities)
    if missing:
        return _told(rule, Status.NOT_APPLICABLE, f"not declared: {', '.join(sorted(missing))}")
    failed = {each.id for each in results if each.status is Status.FAILED}
    ground = next((each.id for each in _ground(rule) if each.id in failed), None)
    return _told(rule, Status.NOT_RUN, f"{ground} failed") if ground else None


def _ground(rule: Rule) -> tuple[Rule, ...]:
    """Answer the rules without which another says nothing."""
    if rule.prove is None or rule in FOUNDATIONS:
        return (STARTS,) if rule is HONEST else ()
    return FOUNDATIONS if HONEST.needs <= rule.needs else (STARTS, DECLARED)


async def _start(package: AdapterPackage, given: Subject | None) -> tuple[Subject | None, RuleResult]:
    """Find the subject and open a bench once."""
    try:
        subject = given or make_subject(package)
        async with asyncio.timeout(START_SECONDS), open_bench(subject):
            return subject, _told(STARTS, Status.PASSED, STARTS.proves)
    except TimeoutError:
        fault = f"it did not start within {START_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - an integrator's code may raise anything; it is told as one line
        fault = described(error)
    return None, _told(STARTS, Status.FAILED, fault)


def make_subject(package: AdapterPackage) -> Subject:
    """Make the subject that a package describes in its ``conformance.py``.

    Raises:
        ManifestError: there is none.
    """
    part = load_part(package, "conformance")
    create: Any = getattr(part, "create_subject", None)
    if not callable(create):
        raise ManifestError(f"{package.folder / 'conformance.py'}: create_subject(package) is missing.")
    subject = create(package)
    if not isinstance(subject, Subject):
        raise ManifestError(f"{package.folder / 'conformance.py'}: create_subject answered no Subject.")
    return subject


async def _apply(rule: Rule, package: AdapterPackage, subject: Subject | None) -> RuleResult:
    try:
        async with asyncio.timeout(RULE_SECONDS):
            await _run(rule, package, subject)
    except NotApplicableError as reason:
        return _told(rule, Status.NOT_APPLICABLE, str(reason))
    except NotRunError as reason:
        return _told(rule, Status.NOT_RUN, str(reason))
    except RuleBrokenError as error:
        return _told(rule, Status.FAILED, str(error))
    except TimeoutError:
        return _told(rule, Status.FAILED, f"it did not end within {RULE_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001 - an integrator's code may raise anything; it is told as one line
        return _told(rule, Status.FAILED, f"it raised {described(error)}")
    return _told(rule, Status.PASSED, rule.proves)


async def _run(rule: Rule, package: AdapterPackage, subject: Subject | None) -> None:
    if rule.look is not None:
        rule.look(package)
    if rule.prove is not None and subject is not None:
        await rule.prove(subject)
    if rule.bare is not None and subject is None:
        await rule.bare(package)


def described(error: BaseException) -> str:
    """Tell an error in one line, without what it was raised from."""
    if isinstance(error, GatewayError):
        return error.message
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _told(rule: Rule, status: Status, reason: str) -> RuleResult:
    remedy = rule.remedy if status is Status.FAILED else ""
    return RuleResult(rule.id, rule.title, rule.grade.word, status, reason, remedy)
