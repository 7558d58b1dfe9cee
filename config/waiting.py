"""An operation that waits for a writer, and what came of it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection


@dataclass(eq=False, slots=True)
class Waiting:
    """An operation, who waits for it, and what came of it. ``short``: it may run on the loop's own thread."""

    operation: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    result: Any = None
    error: BaseException | None = None
    lost_races: int = 0
    short: bool = False

    def run(self, connection: Connection) -> None:
        """Run the operation in its caller's context and keep its result; what it raises passes."""
        self.error = None
        self.result = self.context.run(self.operation, connection)

    def tell(self) -> None:
        """Answer, in the loop of who waits; nobody may be waiting any more."""
        if self.answer.done():
            return
        if self.error is None:
            self.answer.set_result(self.result)
        else:
            self.answer.set_exception(self.error)


def bare(error: Exception) -> Exception:
    """Take off what the error came from: drivers quote values."""
    error.__cause__ = error.__context__ = None
    error.__suppress_context__ = True
    return error
