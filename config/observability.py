"""Structured logs that carry no secret, no personal data and no forged line.

`configure_logging` sends everything, our own events and those of libraries, through one chain: context, time,
redaction, rendering. Redaction happens before anything is rendered, so it does not depend on the format.

Write events as ``log.info("redemption captured", redemption_id=..., partner=...)``: the event is a constant sentence,
facts are keys. A key that is named like a secret or a personal field is masked whatever it holds, so call the stable
code of an error ``error_code``: a bare ``code`` is taken for a voucher's.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import IO, Any

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from config.redaction import printable, redact, redact_named, shown_key
from config.settings import LoggingSettings

_CHATTY = ("aiohttp", "aiosqlite", "asyncio", "httpcore", "httpx", "sqlalchemy", "uvicorn.access")
"""Loggers held at WARNING: below it they write whole addresses, statements and parameters."""

_correlation: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def get_logger(name: str) -> FilteringBoundLogger:
    """Make the logger of a module; works, redacted, before and after `configure_logging`."""
    logger: FilteringBoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            *_prepare(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=True,
    )
    return logger


def configure_logging(settings: LoggingSettings, stream: IO[str] | None = None) -> None:
    """Send every log record of the process to ``stream`` (standard error by default), one line each.

    Replaces the handlers of the root logger and takes over uncaught exceptions, so that crash output is redacted too.
    Start uvicorn with ``log_config=None``; its records come here by themselves.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Lines(settings.format))
    # Nothing here writes them, and they cost a third of a record. Source: Logging HOWTO, Optimization, read 2026-11-28.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    sys.excepthook = _log_crash
    threading.excepthook = _log_thread_crash


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Renders records: those of libraries as structlog does, our own, which are clean already, without a copy."""

    def __init__(self, form: str) -> None:
        self._rendering = _render(form)
        super().__init__(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_prepare()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *self._rendering],
        )

    def format(self, record: logging.LogRecord) -> str:
        """Make the line of a record."""
        if not (isinstance(record.msg, dict) and hasattr(record, "_name")):
            return super().format(record)
        told: Any = dict(record.msg)
        for render in self._rendering:
            told = render(record.__dict__["_logger"], record.__dict__["_name"], told)
        return str(told)


def bind_correlation(identifier: str) -> Token[str | None]:
    """Put an identifier on every log line of this task and the tasks it starts, until `reset_correlation`."""
    return _correlation.set(printable(identifier))


def reset_correlation(token: Token[str | None]) -> None:
    """Give back what `bind_correlation` replaced."""
    _correlation.reset(token)


def current_correlation() -> str | None:
    """Answer the identifier that is bound, to hand it on to a partner or a job."""
    return _correlation.get()


@contextmanager
def correlated(identifier: str) -> Iterator[None]:
    """Bind an identifier for the length of a block."""
    token = bind_correlation(identifier)
    try:
        yield
    finally:
        reset_correlation(token)


def _prepare() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _add_correlation,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="logged_at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redact_event,
    ]


def _render(form: str) -> list[Processor]:
    if form == "json":
        return [structlog.processors.JSONRenderer(serializer=_to_json)]
    return [_indent_exception, structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)]


def _add_correlation(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    identifier = _correlation.get()
    if identifier is not None:
        event.setdefault("correlation_id", identifier)
    return event


_OURS = frozenset({"_record", "_from_structlog", "logged_at", "level", "logger"})
_TRACES = frozenset({"exception", "stack"})


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Clean everything but structlog's own entries; tracebacks keep their line ends, which rendering makes harmless."""
    cleaned: dict[str, Any] = {}
    for key, value in event.items():
        if key in _OURS:
            cleaned[key] = value
        elif key in _TRACES and isinstance(value, str):
            cleaned[key] = "\n".join(redact(line) for line in value.split("\n"))
        else:
            cleaned[shown_key(str(key))] = redact_named(str(key), value)
    return cleaned


def _indent_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in ("exception", "stack"):
        if key in event:
            event[key] = "\n".join(f"    | {line}" for line in str(event[key]).split("\n"))
    return event


def _to_json(event: Any, **_options: Any) -> str:
    return msgspec.json.encode(event).decode()


def _log_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    get_logger("gateway.crash").critical("the process ends by an error nobody handled", exc_info=(kind, error, trace))


def _log_thread_crash(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None:
        _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)
