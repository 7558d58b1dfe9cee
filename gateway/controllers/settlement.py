"""Settlement for finance: statements in, runs, breaks, positions, exports."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_201_CREATED, HTTP_202_ACCEPTED

from config.errors import NotFoundError
from gateway.controllers.paths import PartnerPath
from gateway.errors import MediaTypeError
from gateway.oauth.principal import Principal
from gateway.pages import DEFAULT_LIMIT, Cursors, cut
from gateway.schemas.common import Cursor, Limit
from gateway.schemas.settlement import (
    BreakPage,
    BreakView,
    ExportList,
    ExportView,
    PositionList,
    PositionView,
    RunList,
    RunRequest,
    RunView,
    StatementList,
    StatementView,
)
from gateway.services import settlement
from gateway.wiring import Gateway
from settlement.break_store import list_breaks
from settlement.matching.rules import Kind
from settlement.positions import positions
from settlement.statements import list_statements, read_handback

STATEMENT_LIMIT_BYTES = 16 * 1024 * 1024
READ = {"scope": "settlement:read"}
WRITE = {"scope": "settlement:write"}

PartnerQuery = Annotated[str, QueryParameter(max_length=64, description="The partner's id.")]
PartnerFilter = Annotated[str | None, QueryParameter(max_length=64, description="Only this partner's.")]
FileName = Annotated[str, QueryParameter(min_length=1, max_length=200, description="The file's name at the partner.")]
Period = Annotated[
    str, QueryParameter(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", max_length=7, description="The month, `YYYY-MM`.")
]
PeriodPath = Annotated[
    str, PathParameter(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", max_length=7, description="The month, `YYYY-MM`.")
]
RunPath = Annotated[str, PathParameter(max_length=64, description="The run's id (`run_...`).")]
StatementPath = Annotated[str, PathParameter(max_length=64, description="The statement's id (`stm_...`).")]
NamePath = Annotated[str, PathParameter(max_length=64, description="A file's name, as in `files`.")]
VersionPath = Annotated[str, PathParameter(pattern=r"^[1-9]\d{0,5}$", max_length=6, description="The version, from 1.")]
KindFilter = Annotated[Kind | None, QueryParameter(description="Only this kind.")]
StateFilter = Annotated[
    Literal["open", "closed"] | None, QueryParameter(name="state", description="Only in this state.")
]
MinimumAge = Annotated[int, QueryParameter(ge=0, le=36_500, description="At least so many days old.")]


class SettlementController(Controller):
    """``/v1/settlement``."""

    path = "/v1/settlement"
    tags = ("settlement",)

    @post("/runs", status_code=HTTP_202_ACCEPTED, opt=WRITE)
    async def start_run(self, data: JSONBody[RunRequest], gateway: NamedDependency[Gateway]) -> RunList:
        """Reconcile a business day now; a run is named by partner and day, asking again repeats it."""
        rows = await settlement.start_runs(gateway, data.business_date, data.partner)
        return RunList(tuple(RunView.of(row) for row in rows))

    @get("/runs/{run_id:str}", opt=READ)
    async def get_run(self, run_id: RunPath, gateway: NamedDependency[Gateway]) -> RunView:
        """Give one run: its state, and once it has finished its counts, sums and breaks by kind."""
        return RunView.of(await settlement.read_run(gateway, run_id))

    @post(
        "/statements",
        status_code=HTTP_201_CREATED,
        opt={**WRITE, "also": (413, 415)},
        request_max_body_size=STATEMENT_LIMIT_BYTES,
    )
    async def upload_statement(
        self,
        partner: PartnerQuery,
        name: FileName,
        request: Request[Any, Any, Any],
        gateway: NamedDependency[Gateway],
    ) -> StatementView:
        """Take in a partner's file: the body is the file as it is. A file that is refused is kept and says why."""
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise MediaTypeError("A statement is sent without compression.")
        return StatementView.of(await settlement.take_in(gateway, partner, name, await request.body()))

    @get("/statements", opt=READ)
    async def list_files(
        self, gateway: NamedDependency[Gateway], partner: PartnerFilter = None, limit: Limit = DEFAULT_LIMIT
    ) -> StatementList:
        """List the newest files."""
        found = await gateway.database.read(partial(list_statements, partner=partner, limit=limit))
        return StatementList(tuple(StatementView.of(one) for one in found))

    @get("/statements/{statement_id:str}/handback", opt=READ)
    async def get_handback(self, statement_id: StatementPath, gateway: NamedDependency[Gateway]) -> Response[bytes]:
        """Give the rows of a file that could not be read, to send back to the partner."""
        content = await gateway.database.read(partial(read_handback, statement_id=statement_id))
        if content is None:
            raise NotFoundError("There is no handback of this file.")
        return _download(content, "handback.csv")

    @get("/breaks", opt=READ)
    async def list_breaks(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        partner: PartnerFilter = None,
        kind: KindFilter = None,
        in_state: StateFilter = None,
        min_age_days: MinimumAge = 0,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> BreakPage:
        """List breaks, oldest first."""
        purpose = f"breaks {principal.caller} {partner} {kind} {in_state} {min_age_days}"
        today = gateway.catalogue.programme.today(gateway.clock.now())
        operation = partial(
            list_breaks,
            partner=partner,
            kind=kind,
            state=in_state,
            until=today - timedelta(days=min_age_days) if min_age_days else None,
            after=str(cursors.open(purpose, cursor)[0]) if cursor is not None else None,
            limit=limit + 1,
        )
        rows = await gateway.database.read(operation)
        items, following = cut(rows, limit, lambda row: (row.item.id,), partial(cursors.seal, purpose))
        return BreakPage(tuple(BreakView.of(row, today) for row in items), following)

    @get("/positions", opt=READ)
    async def list_positions(
        self, gateway: NamedDependency[Gateway], period: Period, partner: PartnerFilter = None
    ) -> PositionList:
        """Say what is owed per partner, currency and bearer."""
        found = await gateway.database.read(partial(positions, period=period, partner=partner))
        return PositionList(tuple(PositionView.of(one) for one in found))

    @get("/exports", opt=READ)
    async def list_exports(
        self, gateway: NamedDependency[Gateway], period: Period, partner: PartnerFilter = None
    ) -> ExportList:
        """List finance's files of a period with their control figures."""
        found = await asyncio.to_thread(settlement.exports, gateway, partner, period)
        return ExportList(tuple(ExportView.of(one) for one in found))

    @get("/exports/{partner:str}/{period:str}/{version:str}/{name:str}", opt=READ)
    async def get_export(
        self,
        partner: PartnerPath,
        period: PeriodPath,
        version: VersionPath,
        name: NamePath,
        gateway: NamedDependency[Gateway],
    ) -> Response[bytes]:
        """Give one file of an export; what a version holds never changes."""
        path = await asyncio.to_thread(settlement.export_file, gateway, partner, period, int(version), name)
        return _download(await asyncio.to_thread(path.read_bytes), name)


def _download(content: bytes, name: str) -> Response[bytes]:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(content, media_type="application/octet-stream", headers=headers)
