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

from config import migrate
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
async def open_database(
    settings: Settings, *, upgrade: bool = False, any_schema: bool = False
) -> AsyncIterator[Database]:
    """Open the database alone, without partners.

    Args:
        settings: name it.
        upgrade: bring an older or empty schema up to date instead of refusing it.
        any_schema: take the database as it is; for commands that are about the schema.

    Raises:
        ConfigurationError: the schema is not the one this version needs.
        DatabaseError: nothing answers there.
    """
    database = await Database.open(settings.database)
    try:
        if not any_schema:
            await migrate.bring_up_to_date(database, upgrade=upgrade)
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
