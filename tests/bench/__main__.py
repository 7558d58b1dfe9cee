"""``python -m tests.bench [ROW ...]``: measure every row or those named, print the table, keep the figures.

The figures are kept in ``var/bench.json``, and the table shows the ratio of the last run beside that of this one.
What is ours logs as a served process does, a line for each request, to a stream that forgets it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from rich.console import Console

from config.observability import configure_logging
from config.settings import LoggingSettings
from tests.bench import benefits, catalogue_route, growth, holds, outbound, redemptions, start, token, webhooks, whole
from tests.bench.measure import Result, measure
from tests.bench.telling import table

KEPT = Path("var/bench.json")
MEASURES: dict[str, Callable[[], Iterable[Result]]] = {
    "benefits": lambda: [measure(benefits.row())],
    "token": token.results,
    "catalogue": catalogue_route.results,
    "holds": holds.results,
    "outbound": outbound.results,
    "redemptions": redemptions.results,
    "whole": whole.results,
    "growth": growth.results,
    "webhooks": webhooks.results,
    "start": start.results,
}


def main() -> None:
    """Measure and tell; nothing is asserted, a machine may be busy."""
    names = sys.argv[1:] or list(MEASURES)
    unknown = set(names) - set(MEASURES)
    if unknown:
        sys.exit(f"no row is called {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    last = msgspec.json.decode(KEPT.read_bytes(), type=dict[str, Result]) if KEPT.exists() else {}
    found: dict[str, Result] = {}
    progress = Console(stderr=True)
    with Path(os.devnull).open("w", encoding="utf-8") as forgotten:
        configure_logging(LoggingSettings(), forgotten)
        for name in names:
            with progress.status(f"measuring {name}"):
                found |= {result.name: result for result in MEASURES[name]()}
    Console(width=None if sys.stdout.isatty() else 180).print(table(found, last))
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(last | found), indent=2))


if __name__ == "__main__":
    main()
