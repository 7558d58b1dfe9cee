"""Conversions of points into partner currency."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from litestar.status_codes import HTTP_201_CREATED, HTTP_202_ACCEPTED

from catalogue.calendar import within
from gateway.controllers.redemptions import (
    QUOTE_EXAMPLE,
    DryRun,
    RedemptionPath,
    cancellation_response,
    full_view,
    redemption_page,
    redemption_response,
)
from gateway.idempotency import IdempotencyKeys, keyed_request
from gateway.oauth.principal import Principal
from gateway.pages import DEFAULT_LIMIT, Cursors
from gateway.schemas.common import Cursor, Limit
from gateway.schemas.redemptions import (
    CancellationView,
    ConversionQuoteView,
    ConversionRates,
    ConversionRateView,
    ConversionRequest,
    ConversionView,
    QuoteUse,
    RedemptionPage,
    RedemptionView,
)
from gateway.services import conversions, redeem
from gateway.wiring import Gateway

SUCCESS = {
    HTTP_201_CREATED: "Credited at the partner.",
    HTTP_202_ACCEPTED: "Queued at the partner (`accepted`), awaited or not known; points are held.",
}
PartnerFilter = Annotated[str | None, QueryParameter(max_length=80, description="Only this partner's contracts.")]


class ConversionsController(Controller):
    """``/v1/conversions``."""

    path = "/v1/conversions"
    tags = ("conversions",)
    opt = {"scope": "conversions:write"}  # noqa: RUF012

    @get("/rates")
    async def list_rates(self, gateway: NamedDependency[Gateway], partner: PartnerFilter = None) -> ConversionRates:
        """List the contracts that are in force today."""
        today = gateway.catalogue.programme.today(gateway.clock.now())
        found = [
            contract
            for contract in gateway.catalogue.conversions
            if partner in (None, contract.partner)
            and not contract.superseded
            and within(today, contract.effective_from_date, contract.effective_to_date)
        ]
        return ConversionRates(tuple(ConversionRateView.of(contract) for contract in found))

    @post("/quotes", opt={"examples": {"two thousand points": {"partner": "some-airline", "points": 2_000}}})
    async def create_conversion_quote(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        data: JSONBody[ConversionRequest],
    ) -> ConversionQuoteView:
        """Say what points become at a partner, with the arithmetic, and lock it."""
        quote, terms = await conversions.create_quote(
            gateway, principal.member_id, data.partner, data.points, data.to_commodity
        )
        return ConversionQuoteView.of(quote, terms)

    @post(
        status_code=HTTP_201_CREATED,
        opt={
            "scope": "conversions:write",
            "idempotent": True,
            "success": SUCCESS,
            "examples": {"quote": QUOTE_EXAMPLE},
        },
    )
    async def create_conversion(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        data: JSONBody[QuoteUse],
    ) -> Response[RedemptionView]:
        """Convert by a locked quote: 201 when credited, 202 while the partner has it queued or is not known."""
        keyed = keyed_request(principal.caller, "create_conversion", idempotency_key, data)
        found = await redeem.redeem(gateway, keys, keyed, principal.member_id, data.quote_id, "conversion")
        return redemption_response(*found)

    @get()
    async def list_conversions(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> RedemptionPage:
        """List the member's conversions, newest first."""
        return await redemption_page(gateway, principal, cursors, "conversion", limit, cursor)

    @get("/{redemption_id:str}")
    async def get_conversion(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        redemption_id: RedemptionPath,
    ) -> ConversionView:
        """Show one conversion with its history, and whether its transfer is overdue."""
        redemption = await redeem.of_member(gateway, principal.member_id, redemption_id, "conversion")
        view = await full_view(gateway, redemption)
        return ConversionView.with_transfer(
            view, redemption, conversions.transfer_of(gateway.catalogue, redemption, gateway.clock.now())
        )

    @post("/{redemption_id:str}/cancel", status_code=HTTP_202_ACCEPTED, opt={"idempotent": True})
    async def cancel_conversion(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        redemption_id: RedemptionPath,
        dry_run: DryRun = False,
    ) -> Response[CancellationView]:
        """Withdraw a conversion, or take it back while its contract allows it; ``dry_run`` shows what comes back."""
        redemption = await redeem.of_member(gateway, principal.member_id, redemption_id, "conversion")
        keyed = keyed_request(principal.caller, "cancel_conversion", idempotency_key, redemption_id)
        return await cancellation_response(gateway, keys, keyed, redemption, dry_run=dry_run)
