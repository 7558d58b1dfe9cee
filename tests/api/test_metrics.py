"""What a monitor reads, and that nobody else does."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.database import Database
from config.errors import ConfigurationError, DatabaseError
from config.settings import THIS_MACHINE, HttpSettings, load_settings, metrics_networks
from gateway import metrics
from gateway.metrics import BREAKER_STATES
from gateway.middleware.tally import BUCKETS, Tally
from gateway.operations.alarms import Alarms
from gateway.services.workload import Standing, standing
from tests.api.conftest import Stack
from tests.support.asgi import ask
from tests.support.partners import LookingUpPartner, lost
from tests.support.room import MEMBER, PARTNER, open_room

Sample = tuple[str, frozenset[tuple[str, str]]]


async def read(stack: Stack, **changes: Any) -> dict[Sample, float]:
    """Read the page as a monitor does: samples by name and labels."""
    told = (await ask(stack.client.app, "GET", "/metrics", **changes)).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


def sample(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


async def test_answers_are_counted_by_route_and_how_long_they_took(stack: Stack) -> None:
    before = await read(stack)
    for path in ("/health/live", "/health/live", "/v1/redemptions/rdm_hush-hush", "/hush-hush"):
        await stack.client.get(path)
    await stack.client.request("HUSH", "/health/live")
    found = await read(stack)
    assert not any("hush" in str(one).lower() for one in found)
    by_route = partial(sample, "gateway_requests_total")
    live = by_route(method="GET", route="/health/live", status="200")
    assert found[live] - before.get(live, 0) == 2
    assert found[by_route(method="GET", route="/v1/redemptions/{redemption_id}", status="401")] == 1
    assert found[by_route(method="GET", route="no route", status="404")] == 1
    assert found[by_route(method="other", route="no route", status="405")] == 1
    assert found[by_route(method="GET", route="/metrics", status="200")] == 1
    assert found[sample("gateway_request_seconds_count", route="/health/live")] == 2
    assert found[sample("gateway_request_seconds_bucket", route="/health/live", le="0.005")] == 2


def test_a_duration_falls_into_the_first_bucket_that_holds_it() -> None:
    tally = Tally()
    for seconds in (0.0, 0.005, 0.0051, 10.0, 10.1, 0.3):
        tally.count("GET", "/x", 200, seconds)
    assert tally.seconds["/x"] == [2, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1]
    assert len(tally.seconds["/x"]) == len(BUCKETS) + 1
    assert tally.total_seconds["/x"] == pytest.approx(20.4101)


async def test_each_partner_shows_its_breaker_and_its_calls(stack: Stack) -> None:
    client = stack.gateway.partners["skyhub-lounge"].client
    assert client is not None
    for _ in range(20):
        ticket = client.breaker.allow()
        assert ticket is not None
        client.breaker.record(ticket, succeeded=False)
    client.retries.earn()
    found = await read(stack)
    shown = {
        state: found[sample("gateway_partner_breaker", partner="skyhub-lounge", state=state)]
        for state in BREAKER_STATES
    }
    assert shown == {"closed": 0, "probing": 0, "open": 1}
    assert found[sample("gateway_partner_breaker", partner="expedia-rapid", state="closed")] == 1
    assert found[sample("gateway_partner_calls_total", partner="skyhub-lounge")] == 1
    assert found[sample("gateway_database_writes_waiting")] == 0
    assert found[sample("gateway_database_stopped")] == 0
    assert found[sample("gateway_database_answers")] == 1
    assert found[sample("process_resident_memory_bytes")] > 0


async def test_what_waits_is_counted_on_both_databases(database: Database) -> None:
    partner = LookingUpPartner()
    room = await open_room(database, skyhub_lounge=partner)
    partner.scripts.extend([lost, lost])
    first = await room.redeem(points=100)
    room.clock.advance(minutes=1)
    await room.redeem(points=100)
    await room.redeem(points=100)
    alarms = Alarms(room.identifiers)
    for _ in range(2):
        await database.write(
            partial(
                alarms.raise_alarm, kind="wrong_echo", subject=MEMBER, at=room.clock.now(), partner=PARTNER, facts={}
            )
        )
    room.clock.advance(days=30)
    found = await database.read(partial(standing, now=room.clock.now()))
    assert found == Standing(
        undecided={(PARTNER, "unknown"): 2},
        oldest_undecided_at={PARTNER: first.requested_at},
        overdue={PARTNER: 2},
        callbacks={},
        alarms={"wrong_echo": 2},
        frozen_accounts=0,
    )
    told = {
        (one.name, *one.labels.values()): one.value
        for family in metrics._waiting(found, room.clock.now())
        for one in family.samples
    }
    age = told["gateway_redemptions_oldest_undecided_seconds", PARTNER]
    assert age == (room.clock.now() - first.requested_at).total_seconds() > 30 * 86_400
    assert told["gateway_redemptions_undecided", PARTNER, "unknown"] == 2
    assert told["gateway_redemptions_overdue", PARTNER] == 2
    assert told["gateway_alarms", "wrong_echo"] == 2


async def test_a_database_that_does_not_answer_is_told_and_the_rest_is_there(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(stack.gateway.database, "read", gone)
    found = await read(stack)
    assert found[sample("gateway_database_answers")] == 0
    assert sample("gateway_frozen_accounts") not in found
    assert sample("gateway_partner_breaker", partner="skyhub-lounge", state="closed") in found


@pytest.mark.parametrize("client", ["10.1.2.3", "2001:db8::1", "testclient", "", "::ffff:10.1.2.3"])
async def test_other_networks_are_told_that_there_is_nothing(stack: Stack, client: str) -> None:
    assert b'"not_found"' in await ask(stack.client.app, "GET", "/metrics", expected=404, client=client)


@pytest.mark.parametrize("header", [b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via"])
async def test_what_comes_through_a_proxy_comes_from_elsewhere(stack: Stack, header: bytes) -> None:
    await ask(stack.client.app, "GET", "/metrics", [(header, b"127.0.0.1")], expected=404)


@pytest.mark.parametrize("client", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
async def test_the_operators_network_is_answered(stack: Stack, client: str) -> None:
    assert sample("gateway_database_answers") in await read(stack, client=client)


@pytest.mark.parametrize("accept", [b"application/openmetrics-text;version=x", b"*/*", b"\xff"])
async def test_whatever_a_monitor_asks_for_it_gets_the_text_that_all_understand(stack: Stack, accept: bytes) -> None:
    assert b"# TYPE gateway_requests_total counter" in await ask(
        stack.client.app, "GET", "/metrics", [(b"accept", accept)]
    )


@pytest.mark.parametrize(
    ("http", "networks"),
    [
        (HttpSettings(), THIS_MACHINE),
        (HttpSettings(public_url="https://benefits.example"), ()),
        (HttpSettings(public_url="https://benefits.example", metrics_networks=("10.1.0.0/16",)), ("10.1.0.0/16",)),
        (HttpSettings(metrics_networks=()), ()),
    ],
    ids=["this machine", "public", "named", "none"],
)
def test_once_others_reach_the_edge_only_named_networks_read_it(http: HttpSettings, networks: tuple[str, ...]) -> None:
    assert metrics_networks(http) == networks


def test_what_is_no_network_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"metrics_networks.*10\.1\.0\.1/16.*write it as"):
        load_settings(environ={"GATEWAY__HTTP__METRICS_NETWORKS": '["10.1.0.1/16"]'})
