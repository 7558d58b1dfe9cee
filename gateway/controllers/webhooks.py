"""Callbacks of partners. Limits come first, then the raw bytes are verified; every refusal looks the same."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, post
from litestar.exceptions import HTTPException
from litestar.params import PathParameter
from litestar.status_codes import HTTP_202_ACCEPTED, HTTP_408_REQUEST_TIMEOUT

from gateway.controllers.answers import written
from gateway.controllers.paths import PartnerPath
from gateway.edge import edge_of
from gateway.errors import MediaTypeError
from gateway.middleware.authentication import NONE
from gateway.services.webhooks import take_in

BODY_LIMIT_BYTES = 65_536
READ_SECONDS = 5

PathSecret = Annotated[str, PathParameter(max_length=200, description="The secret part of the partner's address.")]


class Accepted(msgspec.Struct, frozen=True):
    """The callback is on disk."""

    status: str = "accepted"


class WebhooksController(Controller):
    """One address per partner; partners that cannot sign get a secret path as well."""

    path = "/v1/webhooks"
    tags = ("partners",)
    opt = {"scope": NONE, "reason": "the signature over the raw body authenticates", "also": (401, 408, 413, 415)}  # noqa: RUF012

    @post("/{partner:str}", status_code=HTTP_202_ACCEPTED, request_max_body_size=BODY_LIMIT_BYTES)
    async def receive_webhook(self, partner: PartnerPath, request: Request[Any, Any, Any]) -> Response[Accepted]:
        """Take a signed callback in; it is acknowledged once it is on disk."""
        headers = _headers(request)
        await take_in(edge_of(request).gateway, partner, headers, await _body(request, headers), None)
        return written(Accepted(), HTTP_202_ACCEPTED, Accepted)

    @post("/{partner:str}/{path_secret:str}", status_code=HTTP_202_ACCEPTED, request_max_body_size=BODY_LIMIT_BYTES)
    async def receive_unsigned_webhook(
        self,
        partner: PartnerPath,
        path_secret: PathSecret,
        request: Request[Any, Any, Any],
    ) -> Response[Accepted]:
        """Take a callback in from a partner that does not sign; its events are hints only."""
        headers = _headers(request)
        await take_in(edge_of(request).gateway, partner, headers, await _body(request, headers), path_secret)
        return written(Accepted(), HTTP_202_ACCEPTED, Accepted)


def _headers(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Give the headers with lower-case names; one that is sent twice is joined as RFC 9110 says."""
    found: dict[str, str] = {}
    for raw_name, raw_value in request.scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _body(request: Request[Any, Any, Any], headers: dict[str, str]) -> bytes:
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise MediaTypeError("A callback is sent without compression.")
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await request.body()
    except TimeoutError as error:
        raise HTTPException(status_code=HTTP_408_REQUEST_TIMEOUT) from error
