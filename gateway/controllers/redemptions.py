"""Redemptions of benefits."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_201_CREATED, HTTP_202_ACCEPTED
from sqlalchemy import Connection

from catalogue import voucher_store
from config.errors import NotFoundError
from config.words import known
from gateway.controllers.answers import REPLAYED, written
from gateway.idempotency import IdempotencyKeys, KeyedRequest, keyed_request
from gateway.oauth.principal import Principal
from gateway.pages import DEFAULT_LIMIT, Cursors, cut
from gateway.redemption import store
from gateway.redemption.records import QuoteKind, Redemption
from gateway.redemption.states import ReversalState, State
from gateway.schemas.common import Cursor, Limit, UnavailablePartner
from gateway.schemas.redemptions import (
    Annexes,
    CancellationView,
    PartnerVoucherView,
    QuoteUse,
    RedemptionPage,
    RedemptionView,
    TransitionView,
    given_back,
)
from gateway.services import cancellations, redeem
from gateway.services.partner_vouchers import PartnerSilentError, partner_voucher
from gateway.services.voucher_pictures import PictureFormat, draw
from gateway.wiring import Gateway

RedemptionPath = Annotated[str, PathParameter(max_length=64, description="The redemption's id (`rdm_...`).")]
Picture = Annotated[PictureFormat, QueryParameter(name="format", description="What the picture is drawn as.")]
SUCCESS = {
    HTTP_201_CREATED: "Granted: points are taken, a voucher is there when the benefit has one.",
    HTTP_202_ACCEPTED: "The partner's answer is awaited or not known; points are held. Ask again at `next_check_at`.",
}
QUOTE_EXAMPLE = {"quote_id": "qte_01m80ahqyx60rk4csm6mv3ee1s"}
DryRun = Annotated[bool, QueryParameter(description="Only show what would come back.")]


class RedemptionsController(Controller):
    """``/v1/redemptions``."""

    path = "/v1/redemptions"
    tags = ("redemptions",)

    @post(
        status_code=HTTP_201_CREATED,
        opt={
            "scope": "redemptions:write",
            "idempotent": True,
            "success": SUCCESS,
            "examples": {"quote": QUOTE_EXAMPLE},
        },
    )
    async def create_redemption(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        data: JSONBody[QuoteUse],
    ) -> Response[RedemptionView]:
        """Redeem a quote: 201 when the partner granted it, 202 while its answer is awaited or not known."""
        keyed = keyed_request(principal.caller, "create_redemption", idempotency_key, data)
        found = await redeem.redeem(gateway, keys, keyed, principal.member_id, data.quote_id)
        return redemption_response(*found)

    @get(opt={"scope": "redemptions:read"})
    async def list_redemptions(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> RedemptionPage:
        """List the member's redemptions, newest first."""
        return await redemption_page(gateway, principal, cursors, "benefit", limit, cursor)

    @get("/{redemption_id:str}", opt={"scope": "redemptions:read"})
    async def get_redemption(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        redemption_id: RedemptionPath,
    ) -> RedemptionView:
        """Show one redemption with its history."""
        redemption = await redeem.of_member(gateway, principal.member_id, redemption_id, "benefit")
        return await with_partner_voucher(gateway, redemption, await full_view(gateway, redemption))

    @get(
        "/{redemption_id:str}/voucher-picture",
        opt={"scope": "redemptions:read"},
        media_type=PictureFormat.SVG.media_type,
    )
    async def get_voucher_picture(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        redemption_id: RedemptionPath,
        picture: Picture = PictureFormat.SVG,
    ) -> Response[bytes]:
        """Draw the QR picture of the redemption's voucher, for the desk to read; it is kept nowhere."""
        redemption = await redeem.of_member(gateway, principal.member_id, redemption_id)
        voucher = await gateway.database.read(partial(voucher_store.voucher_of, redemption_id=redemption.id))
        if voucher is None:
            raise NotFoundError("The redemption has no voucher.")
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; style-src 'none'"}
        return Response(draw(voucher, picture), media_type=picture.media_type, headers=headers)

    @post(
        "/{redemption_id:str}/cancel",
        status_code=HTTP_202_ACCEPTED,
        opt={"scope": "redemptions:write", "idempotent": True},
    )
    async def cancel_redemption(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        redemption_id: RedemptionPath,
        dry_run: DryRun = False,
    ) -> Response[CancellationView]:
        """Cancel by the benefit's rule; ``dry_run`` only shows what would come back."""
        redemption = await redeem.of_member(gateway, principal.member_id, redemption_id, "benefit")
        keyed = keyed_request(principal.caller, "cancel_redemption", idempotency_key, redemption_id)
        return await cancellation_response(gateway, keys, keyed, redemption, dry_run=dry_run)


async def cancellation_response(
    gateway: Gateway, keys: IdempotencyKeys, keyed: KeyedRequest, redemption: Redemption, *, dry_run: bool
) -> Response[CancellationView]:
    """Cancel a member's redemption of any kind, or only show what that would do."""
    if dry_run:
        found = await cancellations.terms(gateway, redemption)
        return Response(_cancellation(redemption, found.back, None, found.obstacle, dry_run=True))
    redemption, replayed = await cancellations.cancel(gateway, keys, keyed, redemption.member_id, redemption.id)
    reversal, found = await cancellations.outcome(gateway, redemption)
    state = None if reversal is None else reversal.state
    headers = {REPLAYED: "true"} if replayed else {}
    return Response(_cancellation(redemption, found.back, state, found.obstacle, dry_run=False), headers=headers)


def _cancellation(
    redemption: Redemption, back: int, state: ReversalState | None, obstacle: str | None, *, dry_run: bool
) -> CancellationView:
    points, uses = given_back(redemption.quote, back)
    return CancellationView(
        redemption_id=redemption.id,
        state=redemption.state,
        points_back=points,
        uses_back=uses,
        cancellation=state,
        obstacle=obstacle,
        dry_run=dry_run,
    )


async def redemption_page(
    gateway: Gateway, principal: Principal, cursors: Cursors, kind: QuoteKind, limit: int, cursor: str | None
) -> RedemptionPage:
    """Read one page of a member's redemptions of a kind, newest first."""
    purpose = f"{kind} redemptions {principal.caller}"
    before = str(cursors.open(purpose, cursor)[0]) if cursor is not None else None
    member_id = principal.member_id

    def read(connection: Connection) -> list[tuple[Redemption, Annexes]]:
        found = store.of_member(connection, member_id, before, limit + 1, kind)
        return [(one, Annexes(*redeem.annexes_of(connection, one.id))) for one in found]

    rows = await gateway.database.read(read)
    items, following = cut(rows, limit, lambda row: (row[0].id,), partial(cursors.seal, purpose))
    return RedemptionPage(tuple(RedemptionView.of(*row) for row in items), following)


async def full_view(gateway: Gateway, redemption: Redemption) -> RedemptionView:
    """Show a redemption with its history, voucher and cancellation."""

    def read(connection: Connection) -> RedemptionView:
        steps = tuple(
            TransitionView(known(State, row["state"]) or State.UNKNOWN, row["event"], row["happened_at"])
            for row in store.history(connection, redemption.id)
        )
        voucher, reversal = redeem.annexes_of(connection, redemption.id)
        return RedemptionView.of(redemption, Annexes(voucher, reversal, steps))

    return await gateway.database.read(read)


async def with_partner_voucher(gateway: Gateway, redemption: Redemption, view: RedemptionView) -> RedemptionView:
    """Add the partner's own voucher; a partner that does not answer is named, and the rest is shown all the same."""
    if view.cancellation is not None:
        return view
    try:
        found = await partner_voucher(gateway, redemption)
    except PartnerSilentError as silent:
        named = UnavailablePartner(redemption.partner, silent.code)
        return msgspec.structs.replace(view, unavailable_partners=(named,))
    if found is None:
        return view
    shown = PartnerVoucherView(found.code, found.symbology, found.valid_from_at, found.valid_to_at)
    return msgspec.structs.replace(view, partner_voucher=shown)


def redemption_response(redemption: Redemption, annexes: redeem.Annexes, replayed: bool) -> Response[RedemptionView]:
    """Answer a redemption as it stands: 201 once captured, else 202."""
    status = HTTP_201_CREATED if redemption.state is State.CAPTURED else HTTP_202_ACCEPTED
    return written(RedemptionView.of(redemption, Annexes(*annexes)), status, RedemptionView, replayed=replayed)
