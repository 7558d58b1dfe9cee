"""Contracts and facts of our own that the settlement tests share."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import msgspec

from catalogue.values import Money, Rate
from settlement.contracts import (
    CommissionPrice,
    CreditPrice,
    PartnerContract,
    PartnerPrice,
    RatePrice,
    Terms,
    UnitPrice,
)
from settlement.obligations import Fact

START = date(2026, 1, 1)
OCCURRED_AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

VISITS = Terms(
    id="visits",
    from_date=START,
    way="purchase",
    benefits=("lounge-visit",),
    price=UnitPrice(12_000),
    currency="CNY",
    bearers={"maker": 100},
    tax_rate=Rate(100, 6),
)
EXCHANGE = Terms(
    id="exchange",
    from_date=START,
    way="resource_exchange",
    benefits=("lounge-for-parts",),
    price=CreditPrice(80),
    currency="CNY",
    bearers={"maker": 2, "dealer": 1},
)
STAYS = Terms(
    id="stays",
    from_date=START,
    way="purchase",
    benefits=("hotel-stay",),
    price=PartnerPrice(),
    currency="CNY",
    bearers={"maker": 100},
)
UPGRADES = Terms(
    id="upgrades",
    from_date=START,
    way="joint",
    benefits=("hotel-upgrade",),
    price=PartnerPrice(),
    currency="CNY",
    shared="difference",
    bearers={"maker": 50, "dealer": 30, "partner": 20},
)
COMMISSION = Terms(
    id="commission",
    from_date=START,
    way="purchase",
    benefits=("hotel-direct",),
    price=CommissionPrice(Rate(100, 8)),
    currency="CNY",
    bearers={"maker": 100},
)
MILES = Terms(
    id="miles",
    from_date=START,
    way="conversion",
    price=RatePrice(Rate(2, 13)),
    currency="CNY",
    bearers={"maker": 100},
)


def contract(partner: str, *terms: Terms) -> PartnerContract:
    """A contract whose day ends at midnight in Shanghai."""
    return PartnerContract(partner=partner, cut_off=time(0), time_zone="Asia/Shanghai", terms=terms)


LOUNGE = contract("skyhub-lounge", VISITS, EXCHANGE)
HOTEL = contract("expedia-rapid", STAYS, UPGRADES, COMMISSION)
AIRLINE = contract("skyward-miles", MILES)

_VISIT = Fact(
    kind="purchase",
    partner="skyhub-lounge",
    redemption_id="rdm_1",
    line_key="rdm_1:benefit",
    reference="key1",
    partner_reference="V-77",
    benefit_id="lounge-visit",
    member_hash="hash",
    service_date=date(2026, 11, 22),
    occurred_at=OCCURRED_AT,
    quantity=2,
    partner_price=None,
    base_price=None,
    points=1200,
)


def fact(**changes: Any) -> Fact:
    """A lounge visit of two, with changes."""
    return msgspec.structs.replace(_VISIT, **changes)


def yuan(minor_units: int) -> Money:
    """Money in fen."""
    return Money(minor_units, "CNY")
