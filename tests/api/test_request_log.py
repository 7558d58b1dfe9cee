"""Each request leaves one line: its route, status and id, and nothing of what its address held."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Stack

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
