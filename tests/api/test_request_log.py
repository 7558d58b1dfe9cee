"""Each request leaves one line: its route, status and id, and nothing of what its address held."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from config.observability import configure_logging
from config.settings import LoggingSettings
from tests.api.conftest import Stack
from tests.support.logs import logging_as_it_was

LOGGER = "gateway.middleware.correlation"


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/health/live", "/health/live", 200),
        ("HEAD", "/health/live", "/health/live", 200),
        ("POST", "/v1/webhooks/skyhub-lounge/hush-hush", "/v1/webhooks/{partner}/{path_secret}", 401),
        ("GET", "/v1/redemptions/rdm_hush-hush?q=hush-hush", "/v1/redemptions/{redemption_id}", 401),
        ("GET", "/hush-hush", "no route", 404),
    ],
)
async def test_a_request_leaves_one_line(
    stack: Stack, caplog: pytest.LogCaptureFixture, method: str, path: str, route: str, status: int
) -> None:
    caplog.set_level("INFO", logger=LOGGER)
    answer = await stack.client.request(method, path, headers={"X-Request-Id": "trace-1"})
    assert answer.status_code == status
    (line,) = [record.msg for record in caplog.records if record.name == LOGGER]
    told: dict[str, Any] = dict(line) if isinstance(line, dict) else {}
    assert (told["event"], told["route"], told["status"]) == ("answered", route, status)
    assert told["correlation_id"] == "trace-1"
    assert isinstance(told["milliseconds"], int)
    assert "hush" not in str(told)


async def test_the_line_of_a_served_request(stack: Stack) -> None:
    """As a process writes it that is served, where nobody but the stream listens."""
    member = stack.member(await stack.add_member())
    stream = io.StringIO()
    with logging_as_it_was():
        configure_logging(LoggingSettings(), stream)
        for _ in range(2):
            await stack.client.get("/v1/benefits?q=hush-hush", headers=member | {"X-Request-Id": "trace-1"})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.pop("logged_at")[-1] for line in lines] == ["Z", "Z"]
    told = {
        "method": "GET", "route": "/v1/benefits", "status": 200, "milliseconds": 0, "event": "answered",
        "correlation_id": "trace-1", "logger": LOGGER, "level": "info",
    }  # fmt: skip
    assert lines == [told, told]


async def test_what_a_caller_chooses_is_masked_in_the_line(stack: Stack) -> None:
    stream = io.StringIO()
    with logging_as_it_was():
        configure_logging(LoggingSettings(), stream)
        await stack.client.request("TOKEN=HUSH-HUSH", "/v1/me", headers={"X-Request-Id": "13912345678"})
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (line["method"], line["correlation_id"], line["status"]) == ("TOKEN=[secret]", "[personal]", 405)
