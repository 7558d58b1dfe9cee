"""Two sides of a day with known truth: what the partner's file says and what our ledger holds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.records import StatementLine
from adapters.sdk.statement_file import write_statement
from catalogue.values import Money
from settlement.tables import settlement_line_shares, settlement_lines

PARTNER = "aurora-lounge"
DAY = date(2026, 11, 22)
AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


class Ours(msgspec.Struct, frozen=True):
    """A settlement line, the columns that matter here."""

    id: str
    reference: str | None
    gross: int = 12_000
    currency: str = "CNY"
    quantity: int = 1
    service_date: date = DAY
    kind: str = "purchase"
    partner_reference: str | None = None
    member_hash: str | None = None
    business_date: date = DAY
    redemption_id: str | None = None


def store_ours(connection: Connection, lines: Sequence[Ours]) -> None:
    """Write lines as the ledger room would, each borne 60 to 40 by maker and dealer."""
    rows = [
        msgspec.structs.asdict(line)
        | {
            "line_key": f"key:{line.id}",
            "partner": PARTNER,
            "way": "purchase",
            "terms_id": "terms-1",
            "benefit_id": "lounge-visit",
            "occurred_at": AT,
            "recorded_at": AT,
            "tax": 0,
            "net": line.gross,
            "credits": 0,
            "points": 600,
            "entry_key": None,
        }
        for line in lines
    ]
    if rows:
        connection.execute(sa.insert(settlement_lines), rows)
    shares = [
        {"line_key": f"key:{line.id}", "bearer": bearer, "commodity": line.currency, "amount": amount}
        for line in lines
        for bearer, amount in (("maker", line.gross - line.gross * 2 // 5), ("dealer", line.gross * 2 // 5))
        if amount
    ]
    if shares:
        connection.execute(sa.insert(settlement_line_shares), shares)


def theirs(ours: Ours, **changes: object) -> StatementLine:
    """What the partner says of one of our lines; by default the same."""
    line = StatementLine(
        row=1,
        reference=ours.reference,
        partner_reference=ours.partner_reference or f"P-{ours.id}",
        kind="visit",
        service_date=ours.service_date,
        quantity=ours.quantity,
        amount=Money(ours.gross, ours.currency) if ours.gross else None,
        status="used",
        member_hash=ours.member_hash,
    )
    return msgspec.structs.replace(line, **changes)


def statement(lines: Sequence[StatementLine], day: date = DAY, sequence: int = 1, partner: str = PARTNER) -> bytes:
    """Write the partner's file."""
    return write_statement(partner, day, sequence, "CNY", lines)


class Day(msgspec.Struct):
    """A generated day: both sides, and what must be found, as (kind, reference) with multiplicity."""

    ours: list[Ours]
    theirs: list[StatementLine]
    planted: list[tuple[str, str]]


def make_day(seed: int, size: int) -> Day:
    """Plant one break of a random kind in about a third of the records; the rest agrees."""
    chance = random.Random(seed)
    day = Day([], [], [])
    for number in range(size):
        line = Ours(
            id=f"sln_{seed:06d}{number:020d}",
            reference=f"rdm_{chance.getrandbits(100):026x}",
            gross=chance.choice((0, 100, 12_000, -700, 10**12)),
            quantity=chance.randint(1, 4),
            member_hash=f"m{number}",
            redemption_id=f"rdm_{number}",
        )
        _PLANTS[chance.choice(_CHOICES)](day, line)
    chance.shuffle(day.theirs)
    return day


def _agree(day: Day, line: Ours) -> None:
    day.ours.append(line)
    day.theirs.append(theirs(line))


def _written_otherwise(day: Day, line: Ours) -> None:
    day.ours.append(line)
    day.theirs.append(theirs(line, reference=f"PBG-{(line.reference or '').upper().replace('_', '-')}"))


def _by_partner_key(day: Day, line: Ours) -> None:
    line = msgspec.structs.replace(line, partner_reference=f"CONF{line.id}")
    day.ours.append(line)
    day.theirs.append(theirs(line, reference=None))


def _by_attributes(day: Day, line: Ours) -> None:
    day.ours.append(line)
    day.theirs.append(theirs(line, reference=None))


def _split_in_two(day: Day, line: Ours) -> None:
    line = msgspec.structs.replace(line, gross=901, quantity=2)
    day.ours.append(line)
    day.theirs += [theirs(line, quantity=1, amount=Money(part, "CNY")) for part in (450, 451)]


def _cancelled_and_never_ours(day: Day, line: Ours) -> None:
    day.theirs.append(theirs(line, status="cancelled"))


def _missing_theirs(day: Day, line: Ours) -> None:
    day.ours.append(line)
    day.planted.append(("missing_theirs", line.reference or ""))


def _missing_ours(day: Day, line: Ours) -> None:
    day.theirs.append(theirs(line))
    day.planted.append(("missing_ours", line.reference or ""))


def _amount(day: Day, line: Ours) -> None:
    day.ours.append(line)
    day.theirs.append(theirs(line, amount=Money(line.gross + 1, "CNY")))
    day.planted.append(("amount", line.reference or ""))


def _currency(day: Day, line: Ours) -> None:
    line = msgspec.structs.replace(line, gross=500)
    day.ours.append(line)
    day.theirs.append(theirs(line, amount=Money(500, "JPY")))
    day.planted.append(("currency", line.reference or ""))


def _date(day: Day, line: Ours) -> None:
    day.ours.append(line)
    day.theirs.append(theirs(line, service_date=date(2026, 11, 20)))
    day.planted.append(("date", line.reference or ""))


def _status(day: Day, line: Ours) -> None:
    day.ours.append(line)
    day.theirs.append(theirs(line, status="cancelled"))
    day.planted.append(("status", line.reference or ""))


def _rate(day: Day, line: Ours) -> None:
    line = msgspec.structs.replace(line, kind="conversion", gross=777, quantity=1000)
    day.ours.append(line)
    day.theirs.append(theirs(line, kind="mileage", status="posted", amount=Money(778, "CNY")))
    day.planted.append(("rate", line.reference or ""))


def _twice(day: Day, line: Ours) -> None:
    day.ours.append(line)
    day.theirs += [theirs(line), theirs(line)]
    day.planted.append(("duplicate", line.reference or ""))


_PLANTS = {
    function.__name__: function
    for function in (
        _agree,
        _written_otherwise,
        _by_partner_key,
        _by_attributes,
        _split_in_two,
        _cancelled_and_never_ours,
        _missing_theirs,
        _missing_ours,
        _amount,
        _currency,
        _date,
        _status,
        _rate,
        _twice,
    )
}
_CHOICES = ["_agree"] * 10 + list(_PLANTS)
