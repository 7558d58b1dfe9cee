"""Keeps adapters that are not ours from taking the gateway with them: one that does not end, one that holds it up.

What awaits for ever is left by `bounded`. What computes or sleeps without awaiting holds every request up, and only the
thread it runs in can end it: the `Watchdog` looks from another one, and has the adapter's own code raise.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from types import FrameType
from typing import Any

from adapters.sdk.errors import OutcomeUnknownError
from adapters.sdk.manifest import Limits
from adapters.sdk.registry import PROTOCOLS
from config.observability import get_logger

CALLS = 3
"""So many calls by the declared deadline a method may make one after the other."""
FILE_SECONDS = 600.0
"""How long the fetching of a file may take: it has a deadline of its own."""
BLOCKED_SECONDS = 3.0
"""How long an adapter may hold the process up without awaiting."""
LOOK_SECONDS = 0.5
log = get_logger(__name__)


class _Bounded:
    """An adapter's capabilities, each method with a limit of its own."""


def bounded(adapter: object, limits: Limits) -> object:
    """Give an adapter whose methods all end: one that awaits for ever raises `OutcomeUnknownError`.

    Args:
        adapter: as its package made it.
        limits: declared; a method may take as long as `CALLS` calls by the deadline.
    """
    methods: dict[str, Any] = {}
    seconds = CALLS * limits.deadline_seconds
    for protocol in PROTOCOLS.values():
        for name in (each for each in (*vars(protocol), *protocol.__annotations__) if not each.startswith("_")):
            if isinstance(adapter, protocol):
                value = getattr(adapter, name)
                limit = FILE_SECONDS if name == "fetch_statement" else seconds
                value = _limited(value, name, limit) if iscoroutinefunction(value) else value
                methods[name] = staticmethod(value) if callable(value) else value
    # In a class of its own: what an adapter can do is asked of its class too.
    return type(f"Bounded{type(adapter).__name__}", (_Bounded,), methods)()


def _limited(method: Callable[..., Any], name: str, seconds: float) -> Callable[..., Any]:
    @wraps(method)
    async def call(*given: Any, **named: Any) -> Any:
        try:
            async with asyncio.timeout(seconds) as limit:
                return await method(*given, **named)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise OutcomeUnknownError(f"The adapter's {name} did not end within {seconds:g} s.") from error

    return call


class Watchdog:
    """Looks whether a loop still turns, and ends what holds it up when that is an adapter's code.

    Works on the main thread only, where signals are handled; anywhere else it does nothing.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        """Keep where adapters lie that are not ours."""
        self._folders = tuple(str(folder.resolve()) for folder in folders)
        self._beats = 0
        self._ended = threading.Event()

    @contextmanager
    def watching(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Watch a loop, that of this thread, while the block lasts."""
        if not self._folders or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGUSR1, self._interrupt)
        thread = threading.Thread(target=self._watch, args=(loop,), daemon=True, name="watchdog-of-adapters")
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        main = threading.main_thread().ident or 0
        still = 0.0
        seen = -1
        while not self._ended.wait(LOOK_SECONDS):
            still = still + LOOK_SECONDS if seen == self._beats else 0.0
            if still == 0.0:
                seen = self._beats
                loop.call_soon_threadsafe(self._beat)
            elif still >= BLOCKED_SECONDS and self._culprit(sys._current_frames().get(main)) is not None:
                still = LOOK_SECONDS
                signal.pthread_kill(main, signal.SIGUSR1)

    def _beat(self) -> None:
        self._beats += 1

    def _interrupt(self, _signal: int, frame: FrameType | None) -> None:
        """Raise where the adapter is; when it has gone on meanwhile there is nothing to raise."""
        culprit = self._culprit(frame)
        if culprit is not None:
            log.error("adapter.blocks", where=culprit, seconds=BLOCKED_SECONDS)
            raise OutcomeUnknownError(f"The adapter held the gateway up at {culprit}; await what takes time.")

    def _culprit(self, frame: FrameType | None) -> str | None:
        """Name the file and line of an adapter that is being run, if one is."""
        while frame is not None:
            if frame.f_code.co_filename.startswith(self._folders):
                return f"{frame.f_code.co_filename}:{frame.f_lineno}"
            frame = frame.f_back
        return None
