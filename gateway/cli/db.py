"""``gateway db``: the schema."""

from __future__ import annotations

import click

from config import migrate
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show


@click.group("db")
def command() -> None:
    """Bring the database's schema up to date, or look at it."""


@command.command("upgrade")
@json_option
@click.pass_obj
def upgrade(context: CommandContext, as_json: bool) -> None:
    """Bring the schema to this version's revision; what serves meanwhile goes on."""
    settings = context.load()
    before, after = context.run(_upgrade(settings))
    facts = {"before": before, "after": after}
    show(facts, as_json=as_json, lines=lambda: [f"The schema was at {before or 'nothing'} and is at {after}."])


@command.command("status")
@json_option
@click.pass_obj
def status(context: CommandContext, as_json: bool) -> int:
    """Say which revision the database is at; exit code 1 when this version cannot use it."""
    settings = context.load()
    schema = context.run(_schema(settings))
    needed = migrate.head_revision()
    facts = {"current": schema.revision, "needed": needed, "serves": schema.serves}
    beside = f" It is newer and {'can' if schema.serves else 'cannot'} be used." if schema.is_newer else ""
    line = f"The schema is at {schema.revision or 'nothing'}; {needed} is needed.{beside}"
    show(facts, as_json=as_json, lines=lambda: [line])
    return 0 if schema.serves else 1


async def _upgrade(settings: Settings) -> tuple[str | None, str]:
    async with open_database(settings, any_schema=True) as database:
        return await migrate.current_revision(database), await migrate.upgrade(database)


async def _schema(settings: Settings) -> migrate.Schema:
    async with open_database(settings, any_schema=True) as database:
        return await database.read(migrate.look_at)
