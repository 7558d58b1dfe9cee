"""Journal entries: balanced, immutable, checked when they are made and once more by the database."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime

import msgspec

from settlement.accounts import Account
from settlement.errors import JournalEntryError, QuantityError

LIMIT = 1 << 62
"""No amount reaches this; two of them still add within 64 bits."""


class Posting(msgspec.Struct, frozen=True):
    """One leg: an amount on an account, and the lot it belongs to where the commodity is kept in lots."""

    account: Account
    amount: int
    lot_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount."""
        if type(self.amount) is not int:
            raise JournalEntryError(f"{self.account.code}: {self.amount!r} is not an integer amount.")
        if self.amount == 0 or abs(self.amount) >= LIMIT:
            raise JournalEntryError(f"{self.account.code}: {self.amount} is zero or too large to post.")


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A balanced set of legs under a derived, unique key.

    ``reference`` names what caused it (a redemption, an accrual's reference), ``effective_at`` is the instant it counts
    from, ``facts`` are words for people (reason, partner, benefit), never quantities that are counted.
    """

    key: str
    kind: str
    reference: str
    postings: tuple[Posting, ...]
    effective_at: datetime
    facts: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse an entry that is nameless, one-sided or unbalanced."""
        if not self.key or self.effective_at.tzinfo is None:
            raise JournalEntryError("A journal entry has a key and an aware instant.")
        if len(self.postings) < 2:
            raise JournalEntryError(f"{self.key}: an entry has at least two postings.")
        for commodity, total in totals(self.postings).items():
            if total:
                raise JournalEntryError(f"{self.key}: the postings in {commodity} sum to {total}, not to zero.")


def totals(postings: tuple[Posting, ...]) -> dict[str, int]:
    """Sum postings per commodity."""
    sums: defaultdict[str, int] = defaultdict(int)
    for posting in postings:
        sums[posting.account.commodity] += posting.amount
    return dict(sums)


def by_account(postings: tuple[Posting, ...]) -> list[tuple[Account, int]]:
    """Sum postings per account, in the order in which accounts are locked; an account whose sum is zero is kept."""
    sums: defaultdict[Account, int] = defaultdict(int)
    for posting in postings:
        sums[posting.account] += posting.amount
    return sorted(sums.items())


def fingerprint(*parts: object) -> str:
    """Digest what a key stands for, so that the same key with another content is noticed.

    Instants are left out by the callers: a replay after a crash carries a later one and is still the same movement.
    """
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def entry_fingerprint(entry: JournalEntry) -> str:
    """Digest an entry's kind, reference, facts and postings."""
    return fingerprint(entry.kind, entry.reference, entry.facts, *postings_content(entry.postings))


def postings_content(postings: tuple[Posting, ...]) -> list[tuple[str, str, int, str | None]]:
    """Give the content of postings in the form that is digested."""
    return [(leg.account.code, leg.account.commodity, leg.amount, leg.lot_id) for leg in postings]


def require_quantity(quantity: int) -> int:
    """Let a positive integer below 2^62 through.

    Raises:
        QuantityError: zero, negative, too large, a boolean or a float.
    """
    if type(quantity) is not int or not 0 < quantity < LIMIT:
        raise QuantityError(f"{quantity!r} is not a quantity that can be moved: a positive whole number is needed.")
    return quantity
