"""One process of the bank test: tellers that move points and money at random under a seed, over a ledger that may lie.

Every teller knows its whole day beforehand: which steps it makes follows from the seed alone, and each step's key from
its number. After a kill it begins a little before the last step that it was heard to have made.
Run as ``python -m tests.integration.ledger.bank_teller URL LEDGER SEED STEPS {"teller": first step, ...}``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection

from config.database import Database
from config.settings import DatabaseSettings
from settlement import ledger
from settlement.accounts import bearer_expense, counter_account, partner_payable
from settlement.errors import InsufficientFundsError, LedgerStateError, QuantityError
from settlement.journal import JournalEntry, Posting
from tests.integration.ledger.bank_wrongs import LEDGERS, Move

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
MEMBERS = tuple(f"mbr_bank_{number}" for number in range(4))
REFUSED = (InsufficientFundsError, LedgerStateError, QuantityError)
Kind = Literal["hold", "capture", "void", "reverse", "pay"]


class Step(NamedTuple):
    """One movement a teller means to make; ``of`` is the step whose hold or capture it ends or reverses."""

    kind: Kind
    member: str
    quantity: int
    of: int


def day(seed: str, teller: str, steps: int) -> list[Step]:
    """Draw all steps of a teller."""
    dice = Random(f"{seed} {teller}")
    drawn: list[Step] = []
    for _ in range(steps):
        kind: Kind = dice.choice(("hold", "hold", "hold", "capture", "capture", "void", "reverse", "pay"))
        wanted = "capture" if kind == "reverse" else "hold"
        known = [number for number, step in enumerate(drawn) if step.kind == wanted]
        if kind in ("capture", "void", "reverse") and not known:
            kind = "hold"
        of = dice.choice(known[-6:]) if kind in ("capture", "void", "reverse") else -1
        drawn.append(Step(kind, dice.choice(MEMBERS), dice.randint(1, 400), of))
    return drawn


def key_of(teller: str, number: int) -> str:
    """Answer the key of a step, which is its entry's."""
    return f"bank:{teller}:{number}"


def _hold(connection: Connection, **asked: Any) -> bool:
    return ledger.hold(connection, **asked) is not None


def movement(teller: str, number: int, step: Step, key: str) -> Move:
    """Say what a step writes."""
    ended = key_of(teller, step.of)
    if step.kind == "hold":
        return partial(
            _hold,
            key=key,
            member_id=step.member,
            commodity="PTS",
            quantity=step.quantity,
            at=AT,
            reference=key_of(teller, number),
        )
    if step.kind == "capture":
        part = step.quantity if step.quantity % 2 else None
        return partial(ledger.capture, hold_key=ended, key=key, at=AT, to=counter_account("PTS"), quantity=part)
    if step.kind == "void":
        return partial(ledger.void, hold_key=ended, key=key, at=AT)
    if step.kind == "reverse":
        return partial(ledger.reverse, capture_key=ended, key=key, quantity=step.quantity, at=AT)
    owed = Posting(partner_payable("bank-partner", "CNY"), -step.quantity)
    borne = Posting(bearer_expense("maker", "CNY"), step.quantity)
    entry = JournalEntry(key=key, kind="payment", reference=key, postings=(owed, borne), effective_at=AT)
    return partial(_post, entry)


def _post(entry: JournalEntry, connection: Connection) -> bool:
    return ledger.post(connection, entry, AT)


async def work(
    database: Database, ledger_name: str, teller: str, steps: list[Step], first: int, say: Callable[[str], None]
) -> None:
    """Make the steps of one teller, one after the other, and say of each how it ended, once that is certain."""
    books = LEDGERS[ledger_name](database)
    for number in range(first, len(steps)):
        step = steps[number]
        key = books.key(key_of(teller, number))
        try:
            made = await books.make(step.kind, step.member, movement(teller, number, step, key))
        except REFUSED:
            say(f"{teller} {number} refused")
        else:
            say(f"{teller} {number} {'made' if made else 'known'}")
    await books.close()


async def main(url: str, ledger_name: str, seed: str, steps: int, firsts: dict[str, int]) -> None:
    """Let every teller of this process work at once."""
    database = await Database.open(DatabaseSettings(url=url))
    say = partial(print, flush=True)
    tellers = (
        work(database, ledger_name, teller, day(seed, teller, steps), first, say) for teller, first in firsts.items()
    )
    await asyncio.gather(*tellers)
    await database.close()


if __name__ == "__main__":
    _, address, name, of_seed, count, begin = sys.argv
    asyncio.run(main(address, name, of_seed, int(count), json.loads(begin)))
