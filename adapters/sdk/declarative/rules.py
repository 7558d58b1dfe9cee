"""What answers prove, compiled: response tables, echoes and paths. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.sdk.declarative.compiled import Reading
from adapters.sdk.declarative.fields import Known
from adapters.sdk.declarative.model import (
    Exchange,
    FoundRule,
    LookUp,
    MappingFile,
    Quote,
    Rule,
    StepTable,
    Usage,
    Withdrawal,
)
from adapters.sdk.declarative.paths import is_path
from adapters.sdk.declarative.problems import Problems
from adapters.sdk.declarative.requests import hook
from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseRule, ResponseTable
from config.toml_lines import Place

FIRST_ERROR = 300
"""Answers from this status on are read by ``error_code`` and ``error_identity``."""
WRITES = frozenset({Outcome.OK, Outcome.NO, Outcome.BUSY, Outcome.PENDING, Outcome.UNKNOWN})


def compile_reading(
    place: Place,
    exchange: Exchange,
    known: Mapping[str, Known],
    file: MappingFile,
    hooks: Mapping[str, object] | None,
    problems: Problems,
) -> Reading:
    """Make the reading of one call; what is wrong is noted."""
    code = file.code if exchange.code is None else exchange.code
    error_code = file.error_code if exchange.error_code is None else exchange.error_code
    for name, path in (("code", code), ("error_code", error_code), ("reference", exchange.reference)):
        problems.path((*place, name), path)
    for name, path in exchange.carry.items():
        if not name.isidentifier() or name != name.lower() or not is_path(path):
            problems.add((*place, "carry", name), "write a name of a-z and _, and a path into the answer")
    rules = _Rules(place, problems, code, error_code)
    table, means = rules.compile(exchange, file)
    return Reading(
        table=table,
        means=means,
        code=code,
        error_code=error_code,
        identity=_echo((*place, "identity"), exchange.identity, file.identity, known, problems),
        error_identity=_echo((*place, "error_identity"), exchange.error_identity, file.error_identity, known, problems),
        echo=_echo((*place, "echo"), exchange.echo, file.echo, known, problems) if _grants(exchange) else {},
        reference=exchange.reference,
        carry=exchange.carry,
        judge=hook((*place, "judge"), exchange.judge, hooks, problems),
    )


class _Rules:
    """Gathers the rules of one call."""

    def __init__(self, place: Place, problems: Problems, code: str, error_code: str) -> None:
        self._place = place
        self._problems = problems
        self._paths = (code, error_code)
        self._seen: dict[tuple[int, str | None], Outcome | LookUpAnswer] = {}

    def compile(
        self, exchange: Exchange, file: MappingFile
    ) -> tuple[ResponseTable, dict[tuple[int, str | None], LookUpAnswer]]:
        given: tuple[Rule | FoundRule, ...] = ()
        if isinstance(exchange, Quote | StepTable | LookUp | Withdrawal | Usage):
            given = exchange.answers
        for number, rule in enumerate(given):
            self._take((*self._place, "answers", number), rule, isinstance(exchange, StepTable))
        if not isinstance(exchange, LookUp):
            for number, rule in enumerate(file.busy):
                self._take(("busy", number), rule, never=rule.outcome is not Outcome.BUSY)
            if Outcome.OK not in self._seen.values():
                self._problems.add(
                    (*self._place, "answers"), "no answer is ok; list the one that the partner documents"
                )
        elif LookUpAnswer.ISSUED not in self._seen.values():
            self._problems.add((*self._place, "answers"), "no answer means issued; list the one that says so")
        table = ResponseTable(
            *(
                ResponseRule(status=status, code=code, outcome=outcome, source=file.source)
                for (status, code), outcome in self._seen.items()
                if isinstance(outcome, Outcome)
            )
        )
        return table, {key: found for key, found in self._seen.items() if isinstance(found, LookUpAnswer)}

    def _take(self, place: Place, rule: Rule | FoundRule, grants: bool = False, never: bool = False) -> None:
        outcome = rule.outcome if isinstance(rule, Rule) else rule.means
        if never:
            self._problems.add(place, 'what stands in busy promises that nothing was done; write outcome = "busy"')
        if isinstance(outcome, Outcome) and outcome not in WRITES:
            self._problems.add(place, "no answer proves not_sent; write one of ok, no, busy, pending, unknown")
        if rule.status == ():
            self._problems.add(place, "no status is listed; write one, or take the rule away")
        for status in (rule.status,) if isinstance(rule.status, int) else rule.status:
            self._status(place, status, outcome, rule.codes, grants)

    def _status(
        self, place: Place, status: int, outcome: Outcome | LookUpAnswer, codes: tuple[str, ...], grants: bool
    ) -> None:
        if not 200 <= status <= 599 or 300 <= status <= 399:
            self._problems.add(place, f"{status} is no final answer; list one of 200 to 299 or 400 to 599")
        if codes and not self._paths[status >= FIRST_ERROR]:
            name = "error_code" if status >= FIRST_ERROR else "code"
            self._problems.add(place, f"codes are listed and nothing says where they stand; add {name}, the path")
        if grants and outcome is Outcome.OK and status >= FIRST_ERROR:
            self._problems.add(place, f"{status} is a refusal by HTTP and grants nothing; correct status or outcome")
        for code in codes or (None,):
            if (status, code) in self._seen:
                self._problems.add(place, f"status {status} with the code {code} is listed twice; remove one")
            self._seen[status, code] = outcome


def _grants(exchange: Exchange) -> bool:
    return isinstance(exchange, LookUp) or (isinstance(exchange, StepTable) and exchange.commit)


def _echo(
    place: Place,
    own: Mapping[str, Any] | None,
    shared: Mapping[str, Any],
    known: Mapping[str, Known],
    problems: Problems,
) -> dict[str, str]:
    """Flatten a call's own echo, or of the file's what the call knows."""
    if own is not None:
        return check_echo(place, own, known, problems)
    return {field: path for field, path in flat(shared).items() if field in known}


def check_echo(
    place: Place, table: Mapping[str, Any], known: Mapping[str, Known], problems: Problems
) -> dict[str, str]:
    """Flatten an echo, field to path; what is none is noted."""
    found: dict[str, str] = {}
    for field, path in flat(table).items():
        inner: Place = (*place, *field.split("."))
        if field not in known:
            problems.add(inner, f"{field} is not a field here; there are {', '.join(sorted(known))}")
        elif not isinstance(path, str) or not is_path(path):
            problems.add(inner, f"{path!r} is no path into an answer; write one such as price.amount")
        else:
            found[field] = path
    return found


def flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Write nested tables as one, with dotted keys."""
    found: dict[str, Any] = {}
    for name, item in table.items():
        found |= flat(item, f"{before}{name}.") if isinstance(item, Mapping) else {f"{before}{name}": item}
    return found
