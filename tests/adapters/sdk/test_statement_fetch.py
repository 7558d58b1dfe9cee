"""Fetching the contractual statement: there, not there yet, and neither."""

from __future__ import annotations

from datetime import date

import httpx
import pytest

from adapters.sdk.client import PartnerClient
from adapters.sdk.errors import AuthenticationError, PartnerUnavailableError, ProtocolError, StatementError
from adapters.sdk.manifest import Limits
from adapters.sdk.statement_fetch import fetch_contractual, read_contractual
from adapters.sdk.statement_file import STATEMENT_PATH, write_statement
from config.clock import SystemClock

DAY = date(2026, 11, 28)


def client(status: int, body: bytes = b"") -> PartnerClient:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/contract/statements/2026-11-28"
        return httpx.Response(status, stream=httpx.ByteStream(body))

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return PartnerClient(base_url="https://partner.test", limits=Limits(), clock=SystemClock(), http=http)


async def test_a_file_comes_with_a_name_and_none_is_none() -> None:
    assert await fetch_contractual(client(200, b"H"), "one", STATEMENT_PATH, DAY) == ("one_2026-11-28_1.csv", b"H")
    assert await fetch_contractual(client(404), "one", STATEMENT_PATH, DAY) is None
    assert await fetch_contractual(client(500), "one", "", DAY) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [(204, ProtocolError), (302, ProtocolError), (403, AuthenticationError), (503, PartnerUnavailableError)],
)
async def test_anything_else_is_no_file(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        await fetch_contractual(client(status), "one", STATEMENT_PATH, DAY)


def test_the_file_of_another_partner_is_refused_whole() -> None:
    content = write_statement("one", DAY, 1, "CNY", [])
    assert read_contractual("one", "file", content).partner == "one"
    with pytest.raises(StatementError, match="'one', not of 'two'"):
        read_contractual("two", "file", content)
