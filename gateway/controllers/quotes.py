"""Quotes of benefits."""

from __future__ import annotations

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from gateway.oauth.principal import Principal
from gateway.schemas.redemptions import QuoteRequest, QuoteView
from gateway.services import quotes
from gateway.wiring import Gateway

EXAMPLES = {
    "a lounge visit with one guest, by entitlement": {
        "benefit_id": "lounge-visit",
        "service": {
            "kind": "visit",
            "airport": "PVG",
            "lounge_id": "PVG-T2",
            "visit_date": "2026-12-20",
            "guests": 1,
        },
        "pay_with": "entitlement",
    },
    "a hotel night, for points": {
        "benefit_id": "hotel-stay",
        "service": {"kind": "stay", "city": "SHA", "check_in_date": "2026-12-20", "check_out_date": "2026-12-21"},
        "pay_with": "points",
    },
}


class QuotesController(Controller):
    """``/v1/quotes``."""

    path = "/v1/quotes"
    tags = ("redemptions",)

    @post(opt={"scope": "benefits:read", "examples": EXAMPLES})
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
