"""When the disk is full or fails, writes are answered 503 and reads as ever; readiness tells who writes no more."""

from __future__ import annotations

import pytest

from config.database_errors import DatabaseStoppedError
from tests.api.conftest import Stack
from tests.integration.test_full_disk import failing, told


async def test_cr_10_a_process_that_writes_no_more_is_not_ready_and_reads_on(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    member = await stack.add_member()
    assert (await stack.client.get("/health/ready")).status_code == 200
    with pytest.raises(DatabaseStoppedError):
        await stack.gateway.database.write(failing)

    for number in range(3):
        refused = await stack.earn(member, 100, reference=f"sale-{number}")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_stopped")
        assert "retry-after" in refused.headers
    not_ready = await stack.client.get("/health/ready")
    assert (not_ready.status_code, not_ready.json()["code"]) == (503, "database_stopped")
    assert not_ready.json()["title"] == "Nothing is written until the process is started again"
    assert (await stack.client.get("/health/live")).status_code == 200
    profile = await stack.client.get("/v1/me", headers=stack.member(member))
    assert profile.status_code == 200, profile.text
    assert told(caplog) == [("ERROR", "database.disk_failed", True)]


async def test_cr_11_a_full_disk_is_503_and_a_line_and_the_process_stays_ready(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    member = await stack.add_member()
    database = stack.gateway.database
    pages = await database.write(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    await database.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").close())
    answers = [await stack.earn(member, 100, reference=f"sale-{number}") for number in range(60)]
    refused = [answer for answer in answers if answer.status_code != 200 and answer.status_code != 201]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "database_full")}
    assert len(refused) > 1
    assert (await stack.client.get("/health/ready")).status_code == 200
    assert (await stack.client.get("/v1/me", headers=stack.member(member))).status_code == 200
    assert told(caplog) == [("ERROR", "database.disk_full", False)]

    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1000000").close())
    again = await stack.earn(member, 100, reference="sale-59")
    assert again.status_code in {200, 201}, again.text
