"""What a person sees of the demo: a line per step with its time, live on a terminal, and the closing table."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.clock import Clock
from gateway.demo.closing import Check


class Teller:
    """Tells the journey as it goes."""

    def __init__(self, console: Console, clock: Clock) -> None:
        """Take the console; a terminal gets a spinner while a step runs, anything else plain lines."""
        self._console = console
        self._clock = clock

    async def step(self, title: str, work: Awaitable[Any]) -> Any:
        """Do a step, tell how it went and how long it took; a text that it answers is told too."""
        begin = self._clock.monotonic()
        with self._console.status(escape(title)):
            answer = await work
        seconds = self._clock.monotonic() - begin
        detail = f": {answer}" if isinstance(answer, str) else ""
        self._console.print(f"[green]ok[/green] {seconds:5.1f} s  {escape(title)}[dim]{escape(detail)}[/dim]")
        return answer

    def note(self, text: str) -> None:
        """Tell something in passing."""
        self._console.print(f"[dim]{escape(text)}[/dim]")

    def closing(self, checks: Sequence[Check], positions: Sequence[dict[str, Any]], files: Sequence[Path]) -> None:
        """Print the closing tables."""
        table = Table(title="What was promised, and what is there", title_justify="left")
        for name in ("", "promised", "found", ""):
            table.add_column(name)
        for check in checks:
            mark = "[green]yes[/green]" if check.holds else "[bold red]NO[/bold red]"
            table.add_row(check.name, escape(check.expected), escape(check.found), mark)
        self._console.print(table)
        owed = Table(title="What we owe the partners, by who bears it (negative: they owe us)", title_justify="left")
        for name in ("partner", "borne by", "currency"):
            owed.add_column(name)
        for name in ("agreed", "disputed", "unreconciled"):
            owed.add_column(name, justify="right")
        for position in positions:
            amounts = [_yuan(position[name]) for name in ("agreed", "disputed", "unreconciled")]
            owed.add_row(position["partner"], position["bearer"], position["currency"], *amounts)
        self._console.print(owed)
        self._console.print(f"{len(files)} files for finance:")
        for path in files:
            self._console.print(f"  {path}", highlight=False)


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def as_json(checks: Sequence[Check], files: Sequence[Path], kills: int) -> str:
    """Give the closing table to a program."""
    rows = [
        {"name": check.name, "promised": check.expected, "found": check.found, "holds": check.holds} for check in checks
    ]
    return json.dumps({"checks": rows, "files": [str(path) for path in files], "kills": kills}, indent=2)
