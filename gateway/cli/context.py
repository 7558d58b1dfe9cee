"""What every command starts from: settings, logging, an event loop, and one way to print facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from config.database import Database
from config.observability import configure_logging
from config.settings import LoggingSettings, Settings, load_settings

T = TypeVar("T")
json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")


@dataclass(frozen=True)
class CommandContext:
    """The global options; commands get it with ``@click.pass_obj``."""

    settings_file: Path | None = None
    debug: bool = False

    def load(self, *, quiet: bool = True) -> Settings:
        """Read the settings and set logging up.

        Args:
            quiet: log warnings only, so that what a command prints stays readable.

        Raises:
            ConfigurationError: the settings cannot be used.
        """
        settings = load_settings(self.settings_file)
        if quiet:
            configure_logging(LoggingSettings(level="WARNING", format="console"))
        else:
            configure_logging(settings.logging)
        return settings

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return asyncio.run(work)


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database alone, without partners."""
    database = await Database.open(settings.database)
    try:
        yield database
    finally:
        await database.close()


def show(value: Any, *, as_json: bool, lines: Callable[[], list[str]]) -> None:
    """Print facts: the value as JSON, or lines for people."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
        return
    for line in lines():
        click.echo(line)
