"""Ledgers of the bank test: the right one, and wrong ones whose every single write a database has to take."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database
from settlement.tables import accounts, lots

Move = Callable[[Connection], bool]
LIABILITY = sa.and_(accounts.c.code == "programme/liability", accounts.c.commodity == "PTS")


class Books:
    """The right ledger: each movement in one transaction, answered when that is on disk."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def key(self, key: str) -> str:
        """Answer the key under which a step is written."""
        return key

    async def make(self, kind: str, member: str, move: Move) -> bool:
        """Make a movement; False when it was there already."""
        return await self.database.write(move)

    async def close(self) -> None:
        """Wait for what is under way."""


class ReadsThenWrites(Books):
    """Sets a balance to what it read before plus its own amount: what another did in between is lost."""

    async def make(self, kind: str, member: str, move: Move) -> bool:
        read = sa.select(accounts.c.balance).where(LIABILITY)
        before = await self.database.read(lambda connection: int(connection.execute(read).scalar_one()))

        def overwrite(connection: Connection) -> bool:
            now = int(connection.execute(read).scalar_one())
            made = move(connection)
            changed = int(connection.execute(read).scalar_one()) - now
            if changed:
                connection.execute(accounts.update().where(LIABILITY).values(balance=before + changed))
            return made

        return await self.database.write(overwrite)


class GivesBackElsewhere(Books):
    """Gives back to the lot that expires last, wherever the hold had taken from."""

    async def make(self, kind: str, member: str, move: Move) -> bool:
        def elsewhere(connection: Connection) -> bool:
            made = move(connection)
            if made and kind == "void":
                self._shift(connection, member)
            return made

        return await self.database.write(elsewhere)

    def _shift(self, connection: Connection, member: str) -> None:
        mine = sa.select(lots.c.id, lots.c.remaining, lots.c.amount).where(lots.c.member_id == member)
        soon, late = connection.execute(mine.order_by(lots.c.expires_at)).all()
        if soon.remaining > 0 and late.remaining < late.amount:
            connection.execute(lots.update().where(lots.c.id == soon.id).values(remaining=lots.c.remaining - 1))
            connection.execute(lots.update().where(lots.c.id == late.id).values(remaining=lots.c.remaining + 1))


class ForgetsItsKeys(Books):
    """Makes a new key for each try: whoever asks again after a crash pays again."""

    def key(self, key: str) -> str:
        return f"{key}:{uuid.uuid4().hex[:8]}"


class AnswersTooSoon(Books):
    """Answers before the transaction is on disk."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.under_way: set[asyncio.Task[bool]] = set()

    async def make(self, kind: str, member: str, move: Move) -> bool:
        while len(self.under_way) >= 30:
            await asyncio.wait(self.under_way, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.ensure_future(self.database.write(move))
        self.under_way.add(task)
        task.add_done_callback(self._ended)
        await asyncio.sleep(0)
        return True

    def _ended(self, task: asyncio.Task[bool]) -> None:
        self.under_way.discard(task)
        task.exception()

    async def close(self) -> None:
        if self.under_way:
            await asyncio.wait(self.under_way)


LEDGERS: dict[str, type[Books]] = {
    "right": Books,
    "reads_then_writes": ReadsThenWrites,
    "gives_back_elsewhere": GivesBackElsewhere,
    "forgets_its_keys": ForgetsItsKeys,
    "answers_too_soon": AnswersTooSoon,
}
