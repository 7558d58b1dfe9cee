"""Settlement as the edge serves it. Matching itself runs in a child process: this one never loads the engine."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from adapters.sdk.capabilities import ReportsStatements
from config.errors import MalformedError, NotFoundError, RuleError
from config.observability import get_logger
from config.settings import PREFIX, Settings, process_environment
from gateway.wiring import Gateway
from settlement import leases, night_store
from settlement.errors import RunInProgressError
from settlement.exports.bundle import CONTROL, Bundle, list_bundles
from settlement.night_store import RunRow, lease_name
from settlement.statements import IngestReport, ingest

CHILDREN = 2
"""Nights that one process runs by request at the same time."""
_CRASHED = 2
"""Exit codes from here on say that the child did not come as far as writing down how it ended."""

log = get_logger(__name__)
_running: set[asyncio.Task[None]] = set()


def reporting_partners(gateway: Gateway, partner: str | None) -> dict[str, ReportsStatements]:
    """Find the adapters that account in files: of one partner, or of all.

    Raises:
        NotFoundError: no such partner.
        RuleError: the named one sends no statements.
    """
    if partner is None:
        named = sorted(gateway.partners.items())
        return {name: one.adapter for name, one in named if isinstance(one.adapter, ReportsStatements)}
    adapter = gateway.partners.named(partner).adapter
    if not isinstance(adapter, ReportsStatements):
        raise RuleError(f"{partner} sends no statement files.")
    return {partner: adapter}


def require_begun(business_date: date, now: datetime) -> None:
    """Refuse a business day that has begun nowhere yet; a day begins in the east while it is the day before in UTC.

    Raises:
        RuleError: names the day.
    """
    if business_date > now.date() + timedelta(days=1):
        raise RuleError(f"{business_date} has not begun.", pointer="/business_date")


async def start_runs(gateway: Gateway, business_date: date, partner: str | None) -> tuple[RunRow, ...]:
    """Open the runs of a day and let a child process do them; the same day may be asked for any number of times.

    Raises:
        NotFoundError: no such partner.
        RuleError: the partner sends no statements, or the day has not begun.
        RunInProgressError: this day is being reconciled, or this process runs as many nights as it may.
    """
    partners = list(reporting_partners(gateway, partner))
    require_begun(business_date, gateway.clock.now())
    if len(_running) >= CHILDREN:
        raise RunInProgressError("As many runs as allowed are under way; ask again when one has ended.")

    def open_runs(connection: Connection) -> tuple[RunRow, ...]:
        for name in partners:
            if leases.held_until(connection, lease_name(name, business_date)) is not None:
                raise RunInProgressError(f"{name} of {business_date} is being reconciled; wait for it.")
        now = gateway.clock.now()
        return tuple(night_store.start_run(connection, name, business_date, now) for name in partners)

    rows = await gateway.database.write(open_runs)
    task = asyncio.create_task(_child(gateway, business_date, partner, rows))
    _running.add(task)
    task.add_done_callback(_running.discard)
    return rows


async def _child(gateway: Gateway, business_date: date, partner: str | None, rows: tuple[RunRow, ...]) -> None:
    """Run ``gateway settlement run`` with this process's settings; waiting happens in a thread that outlives us."""
    command = [sys.executable, "-m", "gateway", "settlement", "run", "--json", "--date", business_date.isoformat()]
    command += [] if partner is None else ["--partner", partner]
    environment = {**process_environment(), **settings_environment(gateway.settings)}
    ended = await asyncio.to_thread(_run_child, command, environment)
    if ended.returncode < _CRASHED and ended.returncode >= 0:
        return
    log.error("settlement run ended", exit_code=ended.returncode, said=ended.stderr[-2000:])
    failure = f"the settlement process ended with exit code {ended.returncode}; its output is in the log"
    for row in rows:
        await gateway.database.write(partial(night_store.fail_run, run=row.id, failure=failure, at=gateway.clock.now()))


def _run_child(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def settings_environment(settings: Settings) -> dict[str, str]:
    """Write settings as the environment variables that `config.settings.load_settings` reads back to the same."""
    found: dict[str, str] = {}
    for area, values in msgspec.to_builtins(settings, enc_hook=str).items():
        for key, value in values.items():
            if value is not None:
                found[f"{PREFIX}{area}__{key}".upper()] = _setting_text(value)
    return found


def _setting_text(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple | bool):
        return msgspec.json.encode(value).decode()
    return str(value)


async def read_run(gateway: Gateway, run: str) -> RunRow:
    """Read one run.

    Raises:
        NotFoundError: no such run.
    """
    row = await gateway.database.read(partial(night_store.read_run, run=run))
    if row is None:
        raise NotFoundError("There is no such run.")
    return row


async def take_in(gateway: Gateway, partner: str, name: str, content: bytes) -> IngestReport:
    """Take in a file that somebody uploads; the same bytes again are a no-op.

    Raises:
        NotFoundError: no such partner.
        RuleError: it sends no statements.
        MalformedError: the file is empty.
    """
    adapter = reporting_partners(gateway, partner)[partner]
    if not content:
        raise MalformedError("The body is the statement file; it is empty.")
    operation = partial(
        ingest,
        parse=adapter.parse_statement,
        partner=partner,
        name=name,
        content=content,
        at=gateway.clock.now(),
    )
    return await gateway.database.write(operation)


def exports(gateway: Gateway, partner: str | None, period: str) -> list[Bundle]:
    """List the exports of a period: of one partner, or of all.

    Raises:
        MalformedError: the period is not a month.
        NotFoundError: no such partner.
    """
    if partner is not None and partner not in gateway.partner_files:
        raise NotFoundError(f"There is no partner {partner!r}.")
    names = sorted(gateway.partner_files) if partner is None else [partner]
    root = gateway.settings.folders.exports
    return [bundle for name in names for bundle in list_bundles(root, name, period)]


def export_file(gateway: Gateway, partner: str, period: str, version: int, name: str) -> Path:
    """Find one file of an export by its control file.

    Raises:
        MalformedError: the period is not a month.
        NotFoundError: no such partner, version or file.
    """
    for bundle in exports(gateway, partner, period):
        if bundle.version == version and name in {CONTROL, *bundle.control.sha256}:
            return bundle.folder / name
    raise NotFoundError("There is no such file.")
