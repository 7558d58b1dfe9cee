"""Quotes of benefits."""

from __future__ import annotations

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from gateway.oauth.principal import Principal
from gateway.schemas.redemptions import QuoteRequest, QuoteView
from gateway.services import quotes
from gateway.wiring import Gateway


class QuotesController(Controller):
    """``/v1/quotes``."""

    path = "/v1/quotes"
    tags = ("redemptions",)

    @post(opt={"scope": "benefits:read"})
    async def create_quote(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        data: JSONBody[QuoteRequest],
    ) -> QuoteView:
        """Price a benefit for this member with the partner's live offer, and lock the price."""
        quote = await quotes.create_quote(
            gateway, principal.member_id, data.benefit_id, data.service, data.pay_with, data.journey
        )
        return QuoteView.of(quote)
