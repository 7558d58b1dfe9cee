"""One clean line per event: ours, the libraries', crashes; with canaries in every place (SE-01, IN: log injection)."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from config.observability import (
    OftenLogged,
    bind_correlation,
    configure_logging,
    correlated,
    current_correlation,
    get_logger,
    reset_correlation,
)
from config.secrets import Secret, resolve_secret
from config.settings import LoggingSettings
from tests.support.logs import logging_as_it_was

PASSWORD = "canary-password-51"
EMAIL = "liu.canary@example.com"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    with logging_as_it_was():
        yield


def _configured(form: str = "json", level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(msgspec.convert({"level": level, "format": form}, LoggingSettings), stream)
    return stream


def _events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_facts() -> None:
    stream = _configured()
    get_logger("gateway.redemption").info("redemption captured", redemption_id="r1", points=500)
    (event,) = _events(stream)
    assert event.pop("logged_at").endswith("Z")
    assert event == {
        "event": "redemption captured",
        "level": "info",
        "logger": "gateway.redemption",
        "redemption_id": "r1",
        "points": 500,
    }


def test_levels_below_the_setting_are_dropped() -> None:
    stream = _configured(level="WARNING")
    get_logger("gateway").info("not shown")
    get_logger("gateway").warning("shown")
    assert [event["event"] for event in _events(stream)] == ["shown"]


def test_library_records_take_the_same_way() -> None:
    stream = _configured()
    logging.getLogger("some.library").warning("login of %s failed", EMAIL, extra={"password": PASSWORD, "row": 7})
    (event,) = _events(stream)
    assert event["event"] == "login of [personal] failed"
    assert event["password"] == "[secret]"
    assert (event["row"], event["logger"], event["level"]) == (7, "some.library", "warning")


@pytest.mark.parametrize(
    "name", ["httpx", "httpcore", "httpcore.http11", "aiohttp.client", "uvicorn.access", "sqlalchemy.engine"]
)
def test_loggers_that_write_whole_addresses_are_quiet(name: str) -> None:
    stream = _configured(level="DEBUG")
    logging.getLogger(name).info("GET https://partner.example/?member=1")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_canary_comes_through(form: str) -> None:
    stream = _configured(form)
    known = resolve_secret("env:P", {"P": "canary-resolved-77"})
    log = get_logger("gateway")
    log.info("nested", partner={"credentials": {"api_key": PASSWORD}, "contact": {"email": EMAIL}})
    log.info(f"words {EMAIL} Bearer {PASSWORD}", secret=Secret(PASSWORD), url=f"https://u:{PASSWORD}@host/")
    try:
        try:
            raise ValueError(f"password={PASSWORD}")
        except ValueError as inner:
            raise RuntimeError(f"member {EMAIL} with {known.reveal()}") from inner
    except RuntimeError as error:
        log.exception("it failed", cause=error)
        logging.getLogger("library").exception("it failed there too")
    shown = stream.getvalue()
    assert "RuntimeError" in shown
    assert "test_observability.py" in shown
    for canary in (PASSWORD, EMAIL, "canary-resolved-77"):
        assert canary not in shown


def test_local_variables_do_not_reach_a_traceback() -> None:
    stream = _configured()
    member_note = "canary-local-" + "93"
    try:
        raise KeyError(len(member_note))
    except KeyError:
        get_logger("gateway").exception("it failed")
    assert "canary-local-93" not in stream.getvalue()


FORGED = 'ok\r\n{"event": "forged"}\n2026-01-01T00:00:00Z [info] forged line'


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_value_cannot_forge_a_line(form: str) -> None:
    stream = _configured(form)
    get_logger("gateway").info("read", partner=FORGED)
    get_logger("gateway").info(FORGED)
    logging.getLogger("library").warning("read %s", FORGED)
    assert len(stream.getvalue().splitlines()) == 3


def test_the_words_of_an_exception_cannot_forge_a_line() -> None:
    for form in ("json", "console"):
        stream = _configured(form)
        try:
            raise ValueError(FORGED)
        except ValueError:
            get_logger("gateway").exception("it failed")
        first, *rest = stream.getvalue().splitlines()
        assert "it failed" in first
        assert all(line.startswith("    | ") for line in rest)


async def test_the_correlation_id_follows_the_task_and_its_children() -> None:
    stream = _configured()
    log = get_logger("gateway")

    async def child() -> None:
        log.info("child")

    async def request(identifier: str) -> None:
        with correlated(identifier):
            await asyncio.sleep(0)
            log.info("parent")
            await asyncio.gather(child())

    await asyncio.gather(request("one"), request("two"))
    log.info("after")
    seen = [(event["event"], event.get("correlation_id")) for event in _events(stream)]
    assert sorted(seen[:-1], key=str) == [("child", "one"), ("child", "two"), ("parent", "one"), ("parent", "two")]
    assert seen[-1] == ("after", None)


def test_bind_and_reset_nest() -> None:
    outer = bind_correlation("outer")
    inner = bind_correlation("inner\nforged")
    assert current_correlation() == "inner\\nforged"
    reset_correlation(inner)
    assert current_correlation() == "outer"
    reset_correlation(outer)
    assert current_correlation() is None


def test_a_crash_is_one_redacted_line() -> None:
    stream = _configured()
    try:
        raise ValueError(f"token={PASSWORD}")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    (event,) = _events(stream)
    assert event["level"] == "critical"
    assert "ValueError: token=[secret]" in event["exception"]


def test_a_crash_of_a_thread_is_logged() -> None:
    stream = _configured()

    def fail() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    (event,) = _events(stream)
    assert "ValueError: in a thread" in event["exception"]


def test_configuring_twice_does_not_double_lines() -> None:
    replaced = _configured()
    stream = _configured()
    get_logger("gateway").info("once")
    assert len(_events(stream)) == 1
    assert replaced.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_is_logged_often_is_the_line_that_a_logger_writes(form: str) -> None:
    """Facts are masked, too: by name, by shape, and where they hold a secret of this process."""
    secret = resolve_secret("env:OFTEN", {"OFTEN": "canary-often-17"})
    facts = {"route": "/v1/me", "status": 200, "password": PASSWORD, "note": EMAIL, "by": f"x {secret.reveal()}\ny"}
    stream = _configured(form)
    with correlated("eyJhbGciOi.eyJzdWIi.c2ln"):
        OftenLogged("gateway.edge", "answered").info(**facts)
        get_logger("gateway.edge").info("answered", **facts)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert not any(canary in stream.getvalue() for canary in (PASSWORD, EMAIL, secret.reveal(), "eyJ"))
    if form == "json":
        often, plain = _events(stream)
        assert set(often) == set(plain)
        assert often.pop("logged_at").endswith("Z")
        assert plain.pop("logged_at")
        assert often == plain


def test_what_is_logged_often_is_not_logged_when_it_is_not_wanted() -> None:
    stream = _configured(level="WARNING")
    OftenLogged("gateway.edge", "answered").info(status=200)
    assert stream.getvalue() == ""


class Listener(logging.Handler):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.mark.parametrize("name", ["", "gateway.often", "gateway.often.answered"])
def test_whoever_else_listens_is_told_what_is_logged_often(name: str) -> None:
    stream = _configured()
    listener, logger = Listener(), logging.getLogger(name)
    logger.addHandler(listener)
    try:
        OftenLogged("gateway.often.answered", "answered").info(note=EMAIL)
    finally:
        logger.removeHandler(listener)
    (record,) = listener.records
    assert (record.levelname, record.name) == ("INFO", "gateway.often.answered")
    assert EMAIL not in record.getMessage()
    assert [event["note"] for event in _events(stream)] == ["[personal]"]


def test_a_logger_that_keeps_to_itself_is_kept_to() -> None:
    stream = _configured()
    logger = logging.getLogger("gateway.often.quiet")
    logger.propagate = False
    OftenLogged(logger.name, "answered").info(status=200)
    logger.propagate = True
    logger.addFilter(lambda _: False)
    OftenLogged(logger.name, "answered").info(status=200)
    assert stream.getvalue() == ""


class Full(io.StringIO):
    """A stream whose disk is full."""

    def flush(self) -> None:
        raise OSError("no space left")


def test_a_line_that_cannot_be_written_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings(), Full())
    OftenLogged("gateway.edge", "answered").info(status=200)
    assert "no space left" in capsys.readouterr().err
