"""``python -m adapters.sdk.testing.check NAME --report FILE``: examine one adapter in a process of its own.

Nothing that an adapter does can then harm or hold up whoever asks: not one that hangs, that ends the process, or that
prints. Results are written as they come, one JSON object a line, so that whoever waits knows which rule did not end.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from adapters.sdk.errors import ManifestError
from adapters.sdk.registry import load_named
from adapters.sdk.testing.examination import Report, examine, grade_of, unloadable
from adapters.sdk.testing.rules.catalogue import LOADS, MANIFEST, RULES
from adapters.sdk.testing.rules.rule import RuleResult, Status

CHECK_SECONDS = 60.0
"""After which the process is ended; an honest adapter needs a few, on a busy machine a few more."""


def check_apart(name: str, folders: Sequence[Path] = (), *, seconds: float = CHECK_SECONDS) -> Report:
    """Examine an adapter in another process and answer its report, whatever becomes of that process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.jsonl"
        words = [sys.executable, "-m", "adapters.sdk.testing.check", name, "--report", str(file)]
        words += [word for each in folders for word in ("--folder", str(each.resolve()))]
        quiet = subprocess.DEVNULL
        try:
            ended = subprocess.run(words, stdin=quiet, stdout=quiet, stderr=quiet, timeout=seconds, check=False)
            end = f"its process ended by itself with {ended.returncode}"
        except subprocess.TimeoutExpired:
            end = f"it did not end within {seconds:g} s"
        lines = file.read_bytes().splitlines() if file.exists() else []
    try:
        return msgspec.json.decode(lines[-1], type=Report)
    except (IndexError, msgspec.DecodeError):
        return _cut_short(name, lines, end)


def _cut_short(name: str, lines: Sequence[bytes], end: str) -> Report:
    """Report what is known when no whole report came: the rule under way has failed, those behind it were not run."""
    known: list[RuleResult] = []
    for line in lines:
        try:
            known.append(msgspec.json.decode(line, type=RuleResult))
        except msgspec.DecodeError:
            break
    if not known:
        return unloadable(name, end)
    under_way, *left = RULES[len(known) :] or RULES[-1:]
    failed = RuleResult(under_way.id, under_way.title, under_way.grade.word, Status.FAILED, end, under_way.remedy)
    behind = [
        RuleResult(rule.id, rule.title, rule.grade.word, Status.NOT_RUN, f"{under_way.id} failed") for rule in left
    ]
    results = [*known, failed, *behind]
    return Report(name, None, grade_of(results).word, results)


@click.command()
@click.argument("name")
@click.option("--folder", "folders", multiple=True, type=click.Path(path_type=Path), help="Extra folder of packages.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Written line by line.")
def check(name: str, folders: tuple[Path, ...], report: Path) -> None:
    """Examine the adapter NAME."""
    with report.open("ab", buffering=0) as file:

        def write(value: RuleResult | Report) -> None:
            file.write(msgspec.json.encode(value) + b"\n")

        try:
            package = load_named(name, folders)
        except ManifestError as error:
            write(unloadable(name, error.message, MANIFEST if "manifest.toml" in error.message else LOADS))
        else:
            write(asyncio.run(examine(package, on_result=write)))
    # A thread that an adapter left behind must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    check()
