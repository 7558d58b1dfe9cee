"""What the simulated partner remembers: which accounts it knows and who visited which lounge. In memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

import msgspec

from adapters.sdk.records import StatementLine
from adapters.sdk.testing.book import Book
from catalogue.values import Money

AIRPORTS = {
    "PVG": ("Shanghai Pudong", "Shanghai", ("PVG1", "PVG2")),
    "PEK": ("Beijing Capital", "Beijing", ("PEK1",)),
    "CAN": ("Guangzhou Baiyun", "Guangzhou", ("CAN1",)),
    "ZZZ": ("Nowhere", "Nowhere", ("CLOSED", "CASHONLY", "NOGUESTS")),
}
"""Airports with their lounges; three lounges of the last are closed, take no digital card, take no guests."""

ENTITLED = 6
"""Visits a year of an account, guests beyond one of each visit among them."""

MAGIC = {"0000": "no user", "0001": "no card", "0002": "card expired", "0003": "used up"}
"""The last four digits of a card at which something happens."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A visit, as the desk took it."""

    number: int
    user_id: str
    last_four: str
    lounge_code: str
    day: date
    visitors: int
    fee: int = 0

    @property
    def account(self) -> str:
        """The account as the club writes it."""
        return f"{self.user_id}-{self.last_four}"


class AirportBook(Book):
    """Everything the simulated partner knows; lives as long as its process. One table, ``visits``."""

    def __init__(self, *, partner: str, unit_price: Money, zone: str) -> None:
        """Open an empty book; the price is the contract's for each visitor, the zone is the lounges'."""
        super().__init__()
        self.partner = partner
        self.zone = ZoneInfo(zone)
        self.unit_price = unit_price

    def visit(self, account: str, lounge_code: str, visited_at: datetime, visitors: int, fee: int = 0) -> Row:
        """Let somebody in; ``fee`` is what his own card is charged, in minor units."""
        user_id, _, last_four = account.rpartition("-")
        number = len(self.visits()) + 1
        made = Row(
            number=number,
            user_id=user_id,
            last_four=last_four,
            lounge_code=lounge_code,
            day=visited_at.astimezone(self.zone).date(),
            visitors=visitors,
            fee=fee,
        )
        self.put("visits", str(number), made)
        return made

    def visits(self) -> tuple[Row, ...]:
        """Answer every visit, the first first."""
        return self.rows("visits")

    def visits_of(self, user_id: str, last_four: str, from_date: date, to_date: date) -> list[Row]:
        """Answer an account's visits of a span."""
        return [
            row
            for row in self.visits()
            if (row.user_id, row.last_four) == (user_id, last_four) and from_date <= row.day <= to_date
        ]

    def used(self, user_id: str, last_four: str) -> int:
        """Count the visits that an account has used."""
        return sum((row.user_id, row.last_four) == (user_id, last_four) for row in self.visits())

    def statement_lines(self, business_date: date) -> Sequence[StatementLine]:
        """Account for a day's visits: no reference of the club's is known, its member is named by a hash."""
        return [self._line(row) for row in self.visits() if row.day == business_date]

    def _line(self, row: Row) -> StatementLine:
        return StatementLine(
            row=0,
            reference=None,
            partner_reference=f"V{row.number:08d}",
            kind="visit",
            service_date=row.day,
            quantity=row.visitors,
            amount=Money(self.unit_price.amount * row.visitors, self.unit_price.currency),
            status="used",
            member_hash=account_hash(self.partner, row.account),
        )


def account_hash(partner: str, account: str) -> str:
    """Name an account in a statement as the contract has it: the first half of SHA-256 over partner, LF, account."""
    return sha256(f"{partner}\n{account}".encode()).hexdigest()[:32]
