"""Bulk files of the programme's systems: activities row by row, opening balances whole."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.status_codes import HTTP_201_CREATED

from catalogue.programme_files import Format
from gateway.errors import MediaTypeError
from gateway.idempotency import IdempotencyKeys, keyed_request
from gateway.oauth.principal import Principal
from gateway.schemas.programme import BulkFileView
from gateway.services import accrual_files, bulk_files, opening_balances
from gateway.wiring import Gateway

FILE_LIMIT_BYTES = 16 * 1024 * 1024
FORMATS: dict[str, Format] = {"text/csv": "csv", "application/x-ndjson": "jsonl", "application/jsonl": "jsonl"}
FilePath = Annotated[str, PathParameter(pattern=r"^blk_[0-9a-z]{26}$", max_length=30, description="The file's id.")]


def format_of(request: Request[Any, Any, Any]) -> Format:
    """Tell CSV from JSON lines by the media type.

    Raises:
        MediaTypeError: neither, another charset, or compressed.
    """
    essence, _, parameters = request.headers.get("content-type", "").partition(";")
    found = FORMATS.get(essence.strip().lower())
    charset = parameters.strip().lower().replace('"', "")
    plain = request.headers.get("content-encoding", "identity").strip().lower() == "identity"
    if found is None or not plain or charset not in {"", "charset=utf-8"}:
        raise MediaTypeError("Send text/csv or application/x-ndjson, in UTF-8 and without compression.")
    return found


class AccrualFilesController(Controller):
    """``/v1/accrual-files``."""

    path = "/v1/accrual-files"
    tags = ("programme systems",)
    opt = {"scope": "points:write"}  # noqa: RUF012

    @post(
        status_code=HTTP_201_CREATED,
        opt={"idempotent": True, "file": ("text/csv", "application/x-ndjson")},
        request_max_body_size=FILE_LIMIT_BYTES,
    )
    async def create_accrual_file(
        self,
        request: Request[Any, Any, Any],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
    ) -> BulkFileView:
        """Credit a file of activities row by row: CSV or JSON lines, with control totals and an answer per row."""
        format_, content = format_of(request), await request.body()
        keyed = keyed_request(principal.caller, "create_accrual_file", idempotency_key, format_, _digest(content))
        return await accrual_files.take_in(gateway, keys, keyed, principal.client_id, content, format_)

    @get("/{file_id:str}")
    async def get_accrual_file(
        self, file_id: FilePath, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
    ) -> BulkFileView:
        """Say how far a file has come."""
        return await _read(gateway, file_id, principal)

    @get("/{file_id:str}/answers")
    async def get_accrual_answers(
        self, file_id: FilePath, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
    ) -> Response[bytes]:
        """Give the answer to every row, as CSV."""
        return await _answers(gateway, file_id, principal)


class OpeningBalancesController(Controller):
    """``/v1/opening-balances``."""

    path = "/v1/opening-balances"
    tags = ("programme systems",)
    opt = {"scope": "points:migrate"}  # noqa: RUF012

    @post(
        status_code=HTTP_201_CREATED,
        opt={"idempotent": True, "file": ("text/csv", "application/x-ndjson")},
        request_max_body_size=FILE_LIMIT_BYTES,
    )
    async def create_opening_balances(
        self,
        request: Request[Any, Any, Any],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
    ) -> BulkFileView:
        """Take over lots, qualifying points and tiers of an older programme: the whole file, or nothing and why."""
        format_, content = format_of(request), await request.body()
        keyed = keyed_request(principal.caller, "create_opening_balances", idempotency_key, format_, _digest(content))
        return await opening_balances.take_in(gateway, keys, keyed, principal.client_id, content, format_)

    @get("/{file_id:str}")
    async def get_opening_balances(
        self, file_id: FilePath, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
    ) -> BulkFileView:
        """Say what became of a file."""
        return await _read(gateway, file_id, principal)

    @get("/{file_id:str}/answers")
    async def get_opening_answers(
        self, file_id: FilePath, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
    ) -> Response[bytes]:
        """Give the answer to every row, as CSV."""
        return await _answers(gateway, file_id, principal)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def _read(gateway: Gateway, file_id: str, principal: Principal) -> BulkFileView:
    operation = partial(bulk_files.read_file, file_id=file_id, client_id=principal.client_id)
    return await gateway.database.read(operation)


async def _answers(gateway: Gateway, file_id: str, principal: Principal) -> Response[bytes]:
    operation = partial(bulk_files.read_answers, file_id=file_id, client_id=principal.client_id)
    content = await gateway.database.read(operation)
    headers = {
        "Content-Disposition": f'attachment; filename="{file_id}-answers.csv"',
        "Cache-Control": "private, no-store",
    }
    return Response(content, media_type="text/csv", headers=headers)
