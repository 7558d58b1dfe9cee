"""``/metrics`` for a monitor of the operators' network."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.status_codes import HTTP_200_OK

from config.errors import DatabaseError, NotFoundError
from config.settings import metrics_networks
from gateway import metrics
from gateway.edge import Edge
from gateway.middleware.authentication import NONE
from gateway.services.workload import Standing, standing

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class MetricsController(Controller):
    """What a monitor reads."""

    path = "/metrics"
    tags = ("health",)
    opt = {"scope": NONE, "reason": "monitors carry no token; only their network is answered", "also": (404,)}  # noqa: RUF012

    @get(status_code=HTTP_200_OK, media_type="text/plain")
    async def read_metrics(self, request: Request[Any, Any, Any], edge: NamedDependency[Edge]) -> Response[bytes]:
        """Say what a monitor wants to know, in the text format of Prometheus; 404 from any other network.

        What a proxy says it hands on came from elsewhere, whatever the proxy's own address.
        """
        gateway = edge.gateway
        networks = metrics_networks(gateway.settings.http)
        address = request.client.host if request.client is not None else ""
        if any(name in request.headers for name in _FORWARDED) or not _is_within(address, networks):
            raise NotFoundError("There is nothing here.")
        found: Standing | None = None
        with suppress(DatabaseError):  # told by the figures themselves
            found = await gateway.database.read(partial(standing, now=gateway.clock.now()))
        told = metrics.text(gateway, edge.tally, found)
        return Response(told, headers={"content-type": metrics.CONTENT_TYPE})


def _is_within(host: str, networks: tuple[str, ...]) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ip_network(each) for each in networks)
