"""Whoever ends or undoes a redemption takes its rows in the order in which who takes one in or captures one does.

Otherwise two redemptions of different members wait for each other on PostgreSQL: each waits for a row of everybody's
that the other has. Another transaction keeps a row here, and what comes after it in the order must still be free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from catalogue.model import Catalogue
from config import shared_connection
from config.database import Database
from gateway.redemption.states import State
from tests.integration.redemption.test_benefit_terms import changed, room_of, take, undo
from tests.integration.redemption.test_budgets import counted
from tests.support.beside import until_one_waits
from tests.support.partners import no

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

_STOCK, _COUNTERS = "benefit_stock", "budget_counters"
_BEARERS, _PROGRAMME = "accounts WHERE code LIKE 'bearer/%'", "accounts WHERE code LIKE 'programme/%'"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let those that run beside others wait, too."""
    monkeypatch.setattr(shared_connection, "_BE_IMPATIENT", "SET lock_timeout = '5s'")


def counted_twice(catalogue: Catalogue) -> Catalogue:
    """Give the visit pieces and a budget."""
    return msgspec.structs.replace(changed(stock=9)(catalogue), budgets=(counted("uses", 9),))


async def waits(database: Database, work: Coroutine[Any, Any, Any], *, kept: str, free: str) -> None:
    """See that work that waits for rows which another keeps has not locked what comes after them."""
    async with database._reading.connect() as keeper:
        assert (await keeper.exec_driver_sql(f"SELECT 1 FROM {kept} FOR UPDATE")).all()
        working = asyncio.create_task(work)
        await until_one_waits(keeper)
        assert (await keeper.exec_driver_sql(f"SELECT 1 FROM {free} FOR UPDATE NOWAIT")).all()
        await keeper.rollback()
    await working


async def test_who_gives_a_hold_back_takes_the_piece_before_the_budget(database: Database) -> None:
    room, partner = await room_of(database, counted_twice)
    partner.scripts.append(no)
    refused = await take(room)
    await waits(database, room.engine.advance(refused), kept=_STOCK, free=_COUNTERS)
    assert (await room.get(refused)).state is State.VOIDED
    await room.require_clean_books()


@pytest.mark.parametrize(("kept", "free"), [(_STOCK, _COUNTERS), (_BEARERS, _PROGRAMME)])
async def test_who_undoes_a_redemption_takes_bearers_before_the_programme_and_the_piece_before_the_budget(
    database: Database, kept: str, free: str
) -> None:
    room, _ = await room_of(database, counted_twice)
    granted = await take(room)
    await room.engine.advance(granted)
    before = await room.balance()
    await waits(database, undo(room, granted), kept=kept, free=free)
    assert await room.balance() == (before[0] + 600, 0)
    await room.require_clean_books()
