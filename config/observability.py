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
from datetime import UTC, datetime
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


class OftenLogged:
    """One event that is logged very often, without what a logger does to find out of what, where and whether.

    Its lines are those of `get_logger`: redacted, with the correlation, the time and the logger's name.
    """

    def __init__(self, name: str, event: str) -> None:
        """Keep the logger's name and the event's."""
        self._logger = logging.getLogger(name)
        self._event = event

    def info(self, **facts: Any) -> None:
        """Log the event with its facts, when that is wanted."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        told = {shown_key(key): redact_named(key, value) for key, value in facts.items()}
        told["event"] = self._event
        identifier = _correlation.get()
        if identifier is not None:
            told["correlation_id"] = redact_named("correlation_id", identifier)
        told |= {"logger": self._logger.name, "level": "info", "logged_at": _now()}
        handler = _only_handler(self._logger)
        if handler is not None:
            handler.tell(self._logger, told)
        else:
            self._logger.handle(_record(self._logger, told))


def _now() -> str:
    """Write the time as `structlog.processors.TimeStamper` does."""
    return msgspec.json.encode(datetime.now(UTC))[1:-1].decode()


def _record(logger: logging.Logger, told: dict[str, Any]) -> logging.LogRecord:
    """Make the record that a logger of `get_logger` makes of an event."""
    record = logging.LogRecord(logger.name, logging.INFO, __file__, 0, told, (), None)
    record.__dict__ |= {"_logger": logger, "_name": "info"}
    return record


def _only_handler(logger: logging.Logger) -> _LineHandler | None:
    """Find our handler when nobody else listens to a logger: then nobody needs a record of the event."""
    here: logging.Logger | None = logger
    while here is not None and here.parent is not None:
        if here.handlers or here.filters or not here.propagate:
            return None
        here = here.parent
    handlers = here.handlers if here is not None else []
    only = handlers[0] if len(handlers) == 1 else None
    return only if isinstance(only, _LineHandler) else None


def configure_logging(settings: LoggingSettings, stream: IO[str] | None = None) -> None:
    """Send every log record of the process to ``stream`` (standard error by default), one line each.

    Replaces the handlers of the root logger and takes over uncaught exceptions, so that crash output is redacted too.
    Start uvicorn with ``log_config=None``; its records come here by themselves.
    """
    handler = _LineHandler(stream or sys.stderr, _Lines(settings.format))
    # Nothing here writes them, and they cost a third of a record. Source: Logging HOWTO, last section, read 2026-11-28.
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
        return self.line(record.__dict__["_logger"], record.__dict__["_name"], dict(record.msg))

    def line(self, logger: logging.Logger, method: str, told: Any) -> str:
        """Make the line of an event of ours."""
        for render in self._rendering:
            told = render(logger, method, told)
        return str(told)


class _LineHandler(logging.StreamHandler[IO[str]]):
    """Writes lines to a stream; an event that nobody else asks for comes here without a record."""

    def __init__(self, stream: IO[str], lines: _Lines) -> None:
        super().__init__(stream)
        self.setFormatter(lines)
        self._lines = lines

    def tell(self, logger: logging.Logger, told: dict[str, Any]) -> None:
        """Write an event that is clean already; what fails is dealt with as `emit` does."""
        try:
            line = self._lines.line(logger, "info", dict(told)) + self.terminator
            self.acquire()
            try:
                self.stream.write(line)
                self.stream.flush()
            finally:
                self.release()
        except Exception:  # noqa: BLE001  a request does not fail because of its log line
            self.handleError(_record(logger, told))


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
