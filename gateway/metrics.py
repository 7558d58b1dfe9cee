"""What ``/metrics`` says, in the text format of Prometheus: this process and its calls, and what waits in the database.

Counts are of this process since its start; what waits is the same from every process. Labels are names of ours
(partners, routes as declared, states, kinds), so that there are few of them and none names a member.

Source: Prometheus's "Metric and label naming" and "Writing exporters", read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from adapters.sdk.client import PartnerClient
from gateway.middleware.tally import BUCKETS, Tally
from gateway.services.workload import Standing
from gateway.wiring import Gateway

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Of what `text` writes; every monitor understands it."""
BREAKER_STATES = ("closed", "probing", "open")


def text(gateway: Gateway, tally: Tally, standing: Standing | None) -> bytes:
    """Write all there is to say.

    Args:
        gateway: of this process.
        tally: of what its edge has answered.
        standing: as just read; None when the database does not answer.
    """
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_Once(gateway, tally, standing))
    return generate_latest(registry)


class _Once(Collector):
    """Gives what was known at one moment."""

    def __init__(self, gateway: Gateway, tally: Tally, standing: Standing | None) -> None:
        self._gateway, self._tally, self._standing = gateway, tally, standing

    def describe(self) -> Iterator[Metric]:
        """Name nothing in advance: a registry of one reading has no other collector to clash with."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give every family."""
        yield from _answered(self._tally)
        yield from _of_this_process(self._gateway)
        yield from _of_partners(self._gateway)
        answers = self._standing is not None
        yield GaugeMetricFamily("gateway_database_answers", "1: the database was read just now.", value=int(answers))
        if self._standing is not None:
            yield from _waiting(self._standing, self._gateway.clock.now())


def _answered(tally: Tally) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "gateway_requests", "Requests answered; status 0: none.", labels=("method", "route", "status")
    )
    for (method, route, status), count in sorted(tally.answers.items()):
        requests.add_metric((method, route, str(status)), count)
    took = HistogramMetricFamily("gateway_request_seconds", "How long answers took.", labels=("route",))
    ends = [*map(str, BUCKETS), "+Inf"]
    for route, counts in sorted(tally.seconds.items()):
        buckets = list(zip(ends, map(float, accumulate(counts)), strict=True))
        took.add_metric((route,), buckets, sum_value=tally.total_seconds[route])
    yield from (requests, took)


def _of_this_process(gateway: Gateway) -> Iterator[Metric]:
    database = gateway.database
    yield GaugeMetricFamily(
        "gateway_database_writes_waiting", "Writes that wait for the database.", value=database.writes_waiting
    )
    yield GaugeMetricFamily(
        "gateway_database_stopped",
        "1: this process writes no more, for its disk has failed.",
        value=int(database.stopped is not None),
    )
    yield GaugeMetricFamily(
        "gateway_adapter_problems", "Adapters that could not be loaded.", value=len(gateway.adapter_problems)
    )


def _of_partners(gateway: Gateway) -> Iterator[Metric]:
    connected = {
        name: partner.client for name, partner in sorted(gateway.partners.items()) if partner.client is not None
    }
    breaker = GaugeMetricFamily(
        "gateway_partner_breaker", "1 for the state of the breaker in this process.", labels=("partner", "state")
    )
    for name, client in connected.items():
        for state in BREAKER_STATES:
            breaker.add_metric((name, state), int(client.breaker.state == state))
    yield breaker
    yield _counted("gateway_partner_calls", "Calls to the partner, repeats not counted.", connected, "calls")
    yield _counted("gateway_partner_repeats", "Repeats of what was not sent.", connected, "repeats")
    yield _counted("gateway_partner_repeats_refused", "Repeats that their budget refused.", connected, "refused")


def _counted(name: str, about: str, connected: Mapping[str, PartnerClient], what: str) -> Metric:
    family = CounterMetricFamily(name, about, labels=("partner",))
    for partner, client in connected.items():
        family.add_metric((partner,), getattr(client.retries, what))
    return family


def _waiting(standing: Standing, now: datetime) -> Iterator[Metric]:
    undecided = GaugeMetricFamily(
        "gateway_redemptions_undecided", "Redemptions that have not ended.", labels=("partner", "state")
    )
    for of, count in sorted(standing.undecided.items()):
        undecided.add_metric(of, count)
    age = GaugeMetricFamily(
        "gateway_redemptions_oldest_undecided_seconds", "Age of the oldest of them.", labels=("partner",)
    )
    for partner, since in sorted(standing.oldest_undecided_at.items()):
        age.add_metric((partner,), max((now - since).total_seconds(), 0.0))
    late = GaugeMetricFamily(
        "gateway_redemptions_overdue", "Those of them that are past their deadline.", labels=("partner",)
    )
    for partner, count in sorted(standing.overdue.items()):
        late.add_metric((partner,), count)
    callbacks = GaugeMetricFamily(
        "gateway_callbacks", "Callbacks that wait to be worked off, or are dead.", labels=("partner", "state")
    )
    for of, count in sorted(standing.callbacks.items()):
        callbacks.add_metric(of, count)
    alarms = GaugeMetricFamily("gateway_alarms", "Alarms there have been, repeats counted.", labels=("kind",))
    for kind, count in sorted(standing.alarms.items()):
        alarms.add_metric((kind,), count)
    frozen = GaugeMetricFamily(
        "gateway_frozen_accounts", "Accounts that the audit has stopped.", value=standing.frozen_accounts
    )
    yield from (undecided, age, late, callbacks, alarms, frozen)
