"""``gateway lounge``: whom the published lounge rules admit, and why not."""

from __future__ import annotations

from datetime import datetime
from typing import IO
from zoneinfo import ZoneInfo

import click
import msgspec

from catalogue.errors import CatalogueFileError
from catalogue.lounge_access import AccessRule, Cabin, Flight, Journey, LoungeTables
from catalogue.lounge_admission import Admission, Visit, admission
from catalogue.refusals import REFUSAL_TEXTS
from config.errors import RuleError
from gateway.cli.catalogue_files import read_files
from gateway.cli.context import CommandContext, json_option, show

LOCAL = click.DateTime(["%Y-%m-%dT%H:%M"])


class Judged(msgspec.Struct, frozen=True):
    """The answer: by which rule, how many guests it allows, what is against it in words."""

    rule: str
    admitted: bool
    guests: int
    reasons: list[str]
    sentences: list[str]
    source: str


@click.group("lounge")
def command() -> None:
    """Judge visits by published lounge rules."""


@command.command("rules")
@json_option
@click.pass_obj
def list_rules(context: CommandContext, as_json: bool) -> None:
    """List every rule with its holders, guests and source."""
    rules = sorted(read_files(context.load()).lounges.rules.values(), key=lambda rule: rule.id)
    show(rules, as_json=as_json, lines=lambda: [_told(rule) for rule in rules])


@command.command("check")
@click.argument("airport")
@click.argument("lounge")
@click.option("--rule", "rules", multiple=True, help="Judge by this rule; may be repeated (default: every rule).")
@click.option("--status", "held", multiple=True, metavar="PROGRAMME:TIER", help="A status of the visitor.")
@click.option("--flight", metavar="FROM-TO", help="The flight that he shows, for example PVG-SIN.")
@click.option("--departs", type=LOCAL, help="Its departure by the clock of FROM, for example 2026-12-01T23:40.")
@click.option("--carrier", default="", metavar="XX[/YY]", help="Who operates it and, after the slash, sells it.")
@click.option("--cabin", type=click.Choice([one.value for one in Cabin]), default="economy")
@click.option("--minutes", type=click.IntRange(1, 2000), default=120, help="Its scheduled duration.")
@click.option("--journey", type=click.File("rb"), help="JSON with flight, inbound, onward, guest_flights, arrives_at.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Local day of the visit (default: of the departure).")
@click.option("--guests", type=click.IntRange(0, 20), default=0, help="Who come along, on the same flight.")
@click.option("--locale", default="en", help="en or zh-CN.")
@json_option
@click.pass_obj
def check(context: CommandContext, /, locale: str, as_json: bool, **asked: object) -> int:
    """Say whether LOUNGE at AIRPORT admits a visitor; exit code 1 when it does not."""
    tables = read_files(context.load()).lounges
    found = judged(tables, Asked(**asked), locale)  # type: ignore[arg-type]
    show(found, as_json=as_json, lines=lambda: _lines(found))
    return 0 if found.admitted else 1


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as the command line names it; times are the airports' own."""

    airport: str
    lounge: str
    rules: tuple[str, ...]
    held: tuple[str, ...]
    flight: str | None
    departs: datetime | None
    carrier: str
    cabin: str
    minutes: int
    journey: IO[bytes] | None
    on: datetime | None
    guests: int


def judged(tables: LoungeTables, asked: Asked, locale: str) -> Judged:
    """Judge a visit by the files.

    Raises:
        RuleError: a rule or airport is not known, or the flight is not said as it must be.
        UsageError: no day is given.
        CatalogueFileError: the configuration has no lounge rules.
    """
    rules = asked.rules or tuple(sorted(tables.rules))
    unknown = [name for name in rules if name not in tables.rules]
    if unknown:
        raise RuleError(f"There is no lounge rule {unknown[0]!r}; `gateway lounge rules` lists them.")
    if not rules:
        raise CatalogueFileError("The configuration has no lounge rules: add them in lounge_access/.")
    day = asked.on or asked.departs
    if day is None:
        raise click.UsageError("Say the day of the visit with --on, or the flight's departure with --departs.")
    journey = _journey(tables, asked)
    visit = Visit(
        airport=asked.airport,
        lounge_id=asked.lounge,
        on_date=day.date(),
        guests=asked.guests,
        levels=frozenset(_level(one) for one in asked.held),
        journey=journey,
    )
    return _judged(tables, admission(tables, rules, visit), asked, locale)


def _judged(tables: LoungeTables, found: Admission, asked: Asked, locale: str) -> Judged:
    facts: dict[str, str | int] = {"airport": asked.airport, "guests": asked.guests, "allowed": found.guests}
    sentences = [REFUSAL_TEXTS[reason].fill(locale, facts) for reason in found.reasons]
    source = tables.rules[found.rule].source
    return Judged(found.rule, found.admitted, found.guests, list(found.reasons), sentences, source)


def _journey(tables: LoungeTables, asked: Asked) -> Journey | None:
    if asked.journey is not None:
        try:
            return msgspec.json.decode(asked.journey.read(), type=Journey)
        except msgspec.DecodeError as error:
            raise RuleError(f"--journey: {error}; it is written as in a quote's body.") from error
    flight = _flight(tables, asked)
    return None if flight is None else Journey(flight=flight, guest_flights=(flight,) * asked.guests)


def _flight(tables: LoungeTables, asked: Asked) -> Flight | None:
    if asked.flight is None or asked.departs is None:
        return None
    origin, _, destination = asked.flight.partition("-")
    airport = tables.airports.get(origin)
    if airport is None:
        raise RuleError(f"The airport {origin!r} is not in lounge_access/: its clock is not known.")
    operated_by, _, marketed_by = asked.carrier.partition("/")
    return Flight(
        operated_by=operated_by,
        marketed_by=marketed_by or operated_by,
        cabin=Cabin(asked.cabin),
        origin=origin,
        destination=destination,
        departs_at=asked.departs.replace(tzinfo=ZoneInfo(airport.time_zone)),
        scheduled_minutes=asked.minutes,
    )


def _level(text: str) -> tuple[str, str]:
    programme, colon, tier = text.partition(":")
    if not colon:
        raise RuleError(f"--status {text!r} is not PROGRAMME:TIER, for example star-alliance:gold.")
    return programme, tier


def _told(rule: AccessRule) -> str:
    holders = [f"{level.programme} {level.tier}" for level in rule.levels] + [str(cabin) for cabin in rule.cabins]
    access = f"with {rule.guests} guests" if rule.gives_access else "no access"
    return f"{rule.id}: {', '.join(holders)}: {access} ({rule.source})"


def _lines(found: Judged) -> list[str]:
    answer = f"Admitted by {found.rule} with up to {found.guests} guests." if found.admitted else "Not admitted."
    return [answer, *(f"- {sentence}" for sentence in found.sentences), f"Rule {found.rule}: {found.source}"]
