"""Operations that are written at once to PostgreSQL, and what is sent for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection

from config.database import Database
from config.side_by_side import About


def listen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Keep what is sent as one message from now on: each statement, and for how many operations."""
    told: list[tuple[str, int]] = []

    def listening(name: str, how_many: Callable[..., int]) -> None:
        send = getattr(asyncpg.Connection, name)

        async def sending(self: Any, query: str, *args: Any, **options: Any) -> Any:
            told.append((query, how_many(*args)))
            return await send(self, query, *args, **options)

        monkeypatch.setattr(asyncpg.Connection, name, sending)

    listening("fetchmany", len)
    listening("fetchval", lambda *_: 1)
    listening("fetch", lambda *values: len(values[0]) if values and isinstance(values[0], list) else 1)
    return told


async def at_once(database: Database, *operations: About[Any] | Callable[[Connection], Any]) -> list[Any]:
    """Write all of them; answer what each gives or raises."""
    return await asyncio.gather(*(database.write(each) for each in operations), return_exceptions=True)
