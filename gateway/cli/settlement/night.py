"""The night of one partner: statement in, undecided redemptions ended by it, matching, export."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from adapters.sdk.capabilities import ReportsStatements
from adapters.sdk.errors import PartnerError
from config.errors import GatewayError, NotFoundError, RuleError
from config.settings import Settings
from gateway.operations.alarms import Alarms
from gateway.operations.overdue import Open, open_of
from gateway.redemption import store
from gateway.redemption.no_shows import not_shown
from gateway.redemption.suspicions import doubled
from gateway.services.contradicted import FILE_NOT_BOOKED, follow_files
from gateway.services.undecided import (
    contradicted_by_file,
    granted_twice_by_file,
    not_shown_by_file,
    settle_by_file,
    waiting_for_file,
)
from gateway.wiring import Gateway, open_gateway
from settlement.exports.bundle import Bundle, export_period
from settlement.matching.rules import MatchingRules
from settlement.netting import NetPosition
from settlement.night_store import fail_run, run_id
from settlement.positions import positions
from settlement.reconciliation import Progress, Report, RunReport, RunRequest, run
from settlement.statements import IngestReport, accepted_statement, ingest

Files = Sequence[tuple[str, bytes]]
"""Statement files as (name, content)."""


class PartnerNight(msgspec.Struct, frozen=True, kw_only=True):
    """How a partner's night ended. ``problem``: why it did not, or did only in part; breaks are no problem.

    ``open``: what is undecided at the partner past its deadline, and what it claims, when the night was over.
    """

    partner: str
    business_date: date
    statements: tuple[IngestReport, ...] = ()
    report: RunReport | None = None
    settled: tuple[str, ...] = ()
    bundle: Bundle | None = None
    positions: tuple[NetPosition, ...] = ()
    open: Open = Open((), ())
    note: str | None = None
    problem: str | None = None


@asynccontextmanager
async def open_settlement(settings: Settings) -> AsyncIterator[Gateway]:
    """Open what the night needs: database, partner files, contracts and adapters; closed at the end."""
    gateway = await open_gateway(settings)
    try:
        yield gateway
    finally:
        await gateway.close()


def reporting_partner(gateway: Gateway, partner: str) -> ReportsStatements:
    """Find the adapter of a partner that accounts in files.

    Raises:
        NotFoundError: no such partner.
        RuleError: it sends no statements.
    """
    adapter = gateway.partners.named(partner).adapter
    if not isinstance(adapter, ReportsStatements):
        raise RuleError(f"{partner} sends no statement files.")
    return adapter


def reporting_partners(gateway: Gateway) -> list[str]:
    """List the partners that account in files, by id."""
    return sorted(name for name, one in gateway.partners.items() if isinstance(one.adapter, ReportsStatements))


async def take_in(
    gateway: Gateway, partner: str, files: Files, expected_date: date | None = None
) -> tuple[IngestReport, ...]:
    """Take in files of a partner, each in its own transaction."""
    adapter = reporting_partner(gateway, partner)
    reports = []
    for name, content in files:
        operation = partial(
            ingest,
            parse=adapter.parse_statement,
            partner=partner,
            name=name,
            content=content,
            at=gateway.clock.now(),
            expected_date=expected_date,
        )
        reports.append(await gateway.database.write(operation))
    return tuple(reports)


async def night_of(
    gateway: Gateway, partner: str, business_date: date, files: Files | None, report: Report
) -> PartnerNight:
    """Run one partner's night; repeating it changes nothing.

    Args:
        gateway: as opened.
        partner: whose night.
        business_date: by the partner's cut-off.
        files: its statement files; None: fetch the day's file from the partner.
        report: is told of the progress.

    Returns:
        What happened; a failure of this partner is its ``problem`` and stops no other.
    """
    night = PartnerNight(partner=partner, business_date=business_date)
    try:
        night = await _night(gateway, night, files, report)
    except (GatewayError, OSError) as error:
        message = error.message if isinstance(error, GatewayError) else str(error)
        night = msgspec.structs.replace(night, problem=message)
    if night.report is None:
        failure = night.problem or night.note or ""
        run = run_id(partner, business_date)
        await gateway.database.write(partial(fail_run, run=run, failure=failure, at=gateway.clock.now()))
    waiting = await gateway.database.read(partial(open_of, now=gateway.clock.now(), partner=partner))
    return msgspec.structs.replace(night, open=waiting)


async def _night(gateway: Gateway, night: PartnerNight, files: Files | None, report: Report) -> PartnerNight:
    partner, day = night.partner, night.business_date
    problem = None
    if files is None:
        files, problem = await _fetch(gateway, partner, day)
    taken = await take_in(gateway, partner, files, expected_date=day)
    gateway.crash.reach("statement_stored")
    refused = [one for one in taken if one.state == "quarantined"]
    if refused:
        problem = f"{refused[0].name} is quarantined: {refused[0].reason}"
    night = msgspec.structs.replace(night, statements=taken, problem=problem)
    if await gateway.database.read(partial(accepted_statement, partner=partner, business_date=day)) is None:
        return msgspec.structs.replace(night, note="no accepted statement of this day yet; nothing was matched")
    first, settled = await _reconcile(gateway, partner, day, report)
    if settled:
        first, _ = await _reconcile(gateway, partner, day, report)
    period = f"{day:%Y-%m}"
    return msgspec.structs.replace(
        night,
        report=first,
        settled=settled,
        bundle=await export(gateway, partner, period),
        positions=await gateway.database.read(partial(positions, period=period, partner=partner)),
    )


async def _fetch(gateway: Gateway, partner: str, day: date) -> tuple[Files, str | None]:
    try:
        found = await reporting_partner(gateway, partner).fetch_statement(day)
    except PartnerError as error:
        return (), f"the statement could not be fetched: {error.message}"
    return ((found,) if found is not None else ()), None


async def _reconcile(gateway: Gateway, partner: str, day: date, report: Report) -> tuple[RunReport, tuple[str, ...]]:
    contract = gateway.contracts[partner]
    undecided = await gateway.database.read(partial(waiting_for_file, contract=contract))
    request = RunRequest(
        partner=partner,
        business_date=day,
        folder=gateway.settings.folders.data / "settlement" / partner / day.isoformat(),
        holder=f"{os.getpid()}-{secrets.token_hex(8)}",
        rules=MatchingRules(amount_tolerance=contract.tolerance_minor_units),
        window_days=contract.late_window_days,
    )

    def told(progress: Progress) -> None:
        report(progress)
        if progress.stage == "keep":
            gateway.crash.reach("pairs_kept")

    found = await run(gateway.database, gateway.clock, request, undecided, told)
    gateway.crash.reach("matched")
    ended = []
    for item in found.settled:
        if await gateway.database.write(partial(settle_by_file, engine=gateway.engine, item=item)):
            ended.append(item.redemption_id)
        gateway.crash.reach("file_applied")
    await gateway.database.write(partial(_note_doubles, gateway, partner, day))
    for redemption_id in await gateway.database.read(partial(not_shown_by_file, partner=partner, business_date=day)):
        await gateway.database.write(partial(_note_no_show, gateway, redemption_id))
    return found, (*ended, *await _look_again(gateway, partner, day))


def _note_no_show(gateway: Gateway, redemption_id: str, connection: Connection) -> None:
    """Post that nobody came; again it changes nothing. What cannot be booked is an alarm and stops no other."""
    store.lock(connection, redemption_id)
    redemption = store.must_get(connection, redemption_id)
    try:
        with connection.begin_nested():
            not_shown(connection, gateway.effects, redemption, gateway.clock.now())
    except GatewayError as error:
        facts = {"reason": error.message}
        alarms = Alarms(gateway.identifiers)
        alarms.raise_alarm(
            connection,
            "no_show_not_booked",
            redemption_id,
            gateway.clock.now(),
            partner=redemption.partner,
            facts=facts,
        )


def _note_doubles(gateway: Gateway, partner: str, day: date, connection: Connection) -> None:
    """Raise an alarm of what the file shows twice under one key, and send nothing twice to that partner any more."""
    alarms, now = Alarms(gateway.identifiers), gateway.clock.now()
    for redemption_id, count in granted_twice_by_file(connection, partner, day).items():
        evidence = f"the statement of {day} shows {count}"
        doubled(connection, alarms, partner, redemption_id, evidence, now)


async def _look_again(gateway: Gateway, partner: str, day: date) -> list[str]:
    """Find out what became of ended redemptions of which the file says otherwise; answer those that have changed.

    The partner is asked; of one that cannot be, the accepted files are the proof, also what only a later one completed.
    """
    asked, contract = gateway.observer.can_ask(partner), gateway.contracts[partner]
    days_before = 0 if asked else contract.late_window_days
    find = partial(contradicted_by_file, partner=partner, business_date=day, days_before=days_before)
    before = await gateway.database.read(find)
    follow = partial(follow_files, observer=gateway.observer, alarms=Alarms(gateway.identifiers), contract=contract)
    for redemption_id in before:
        if asked:
            await _look(gateway, partner, redemption_id)
        else:
            operation = partial(follow, redemption_id=redemption_id, at=gateway.clock.now())
            await gateway.database.write(operation)
    after = set(await gateway.database.read(find)) if before else set()
    return [redemption_id for redemption_id in before if redemption_id not in after]


async def _look(gateway: Gateway, partner: str, redemption_id: str) -> None:
    """Ask what became of an ended redemption; what cannot be posted is an alarm and stops no other."""
    try:
        await gateway.observer.look(redemption_id)
    except GatewayError as error:
        tell = partial(Alarms(gateway.identifiers).raise_alarm, facts={"reason": error.message}, partner=partner)
        now = gateway.clock.now()
        await gateway.database.write(lambda connection: tell(connection, FILE_NOT_BOOKED, redemption_id, now))


def known_partner(gateway: Gateway, partner: str) -> None:
    """Make sure that a file names this partner.

    Raises:
        NotFoundError: none does; those that there are, are listed.
    """
    if partner not in gateway.partner_files:
        raise NotFoundError(f"There is no partner {partner!r}; there are {', '.join(sorted(gateway.partner_files))}.")


async def export(gateway: Gateway, partner: str, period: str) -> Bundle:
    """Export a partner's period; the same content again writes nothing.

    Raises:
        NotFoundError: no file names this partner.
    """
    known_partner(gateway, partner)
    root = gateway.settings.folders.exports
    finishing = partial(gateway.crash.reach, "export_written")
    operation = partial(export_period, root=root, partner=partner, period=period, finishing=finishing)
    return await gateway.database.read(operation)


def read_files(paths: Sequence[Path]) -> Files:
    """Read statement files from disk."""
    return tuple((path.name, path.read_bytes()) for path in paths)
