"""``gateway adapter check``: the conformance kit, offline, with a grade."""

from __future__ import annotations

from pathlib import Path

import click

from adapters.sdk.registry import candidates
from adapters.sdk.testing.check import check_apart
from adapters.sdk.testing.examination import Report
from adapters.sdk.testing.rules.rule import Grade, RuleResult, Status
from config.errors import ConfigurationError
from gateway.cli.context import CommandContext, json_option, show

GRADES = [grade.word for grade in list(Grade)[1:]]
MARKS = {
    Status.PASSED: "passed",
    Status.FAILED: "FAILED",
    Status.NOT_APPLICABLE: "not applicable",
    Status.NOT_RUN: "not run",
}


@click.command("check")
@click.argument("name", required=False)
@click.option(
    "--folder",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of packages, beside those in the settings.",
)
@click.option("--grade", type=click.Choice(GRADES), default="bronze", show_default=True, help="What must be reached.")
@json_option
@click.pass_obj
def check(context: CommandContext, name: str | None, folders: tuple[Path, ...], grade: str, as_json: bool) -> int:
    """Examine the adapter NAME, or every one, and grade it; exit code 1 when one stays below the grade.

    Offline: each adapter speaks to its own simulator on this machine, in a process of its own.
    """
    places = (*context.load().folders.adapters, *folders)
    names = [name] if name else sorted({found for found, _ in candidates(places)})
    if name and name not in {found for found, _ in candidates(places)}:
        raise ConfigurationError(f"There is no adapter {name!r}; `gateway adapter list` shows those that there are.")
    reports = []
    for each in names:
        reports.append(check_apart(each, places))
        if not as_json:
            click.echo("\n".join(table(reports[-1])) + "\n")
    show(reports, as_json=as_json, lines=lambda: _closing(reports))
    return int(any(Grade[each.grade.upper()] < Grade[grade.upper()] for each in reports))


def table(report: Report) -> list[str]:
    """Write a report as a table that a person can read."""
    profile = f", profile {report.profile}" if report.profile else ""
    width = max(len(each.id) for each in report.results)
    lines = [f"{report.name}{profile}"]
    for each in report.results:
        lines += _row(each, width)
    return [*lines, f"  grade: {report.grade}{_next_step(report)}"]


def _row(result: RuleResult, width: int) -> list[str]:
    told = result.title if result.status is Status.PASSED else result.reason
    lines = [f"  {result.grade:<8}  {result.id:<{width}}  {MARKS[result.status]:<14}  {told}"]
    if result.remedy:
        lines.append(f"  {'':<8}  {'':<{width}}  {'to do:':<14}  {result.remedy}")
    return lines


def _next_step(report: Report) -> str:
    higher = next((grade.word for grade in Grade if grade > Grade[report.grade.upper()]), None)
    if higher is None:
        return ""
    missing = [each.id for each in report.results if each.grade == higher and each.status is Status.FAILED]
    return f" ({higher} needs {', '.join(missing)})" if missing else f" ({higher} was not reached)"


def _closing(reports: list[Report]) -> list[str]:
    return [f"{each.name}: {each.grade}" for each in reports] if len(reports) > 1 else []
