"""Convert points into a partner's currency: the contract prices it, the redemption machine does it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from adapters.sdk.records import Mileage
from catalogue import members
from catalogue.benefits import PayWith
from catalogue.conversion import ConversionQuote, quote
from config.errors import RuleError
from gateway.redemption import store
from gateway.redemption.records import POINTS, Quote
from gateway.wiring import Gateway


async def create_quote(gateway: Gateway, member_id: str, partner: str, points: int) -> tuple[Quote, ConversionQuote]:
    """Quote a conversion by the contract in force and lock it.

    Raises:
        NotFoundError: no such partner.
        RuleError: the member has no account there.
        ConversionRefusedError: below the minimum, above the maximum, off the increment, or no contract in force.
    """
    now = gateway.clock.now()
    programme = gateway.catalogue.programme
    today = programme.today(now)
    gateway.partners.named(partner)
    terms = quote(gateway.catalogue.conversion_contracts(partner), points, today)
    member = await gateway.database.read(
        partial(members.member_context, programme=programme, member_id=member_id, on_date=today)
    )
    account = member.partner_accounts.get(partner)
    if account is None:
        raise RuleError(f"The member has no account at {partner!r}; link one first.", partner=partner)
    locked = Quote(
        id=gateway.identifiers.new("quote"),
        kind="conversion",
        member_id=member_id,
        partner=partner,
        benefit_id=None,
        benefit_version=None,
        contract_id=terms.contract_id,
        contract_version=terms.version,
        pay_with=PayWith.POINTS,
        commodity=POINTS,
        quantity=points,
        service=Mileage(account=account, quantity=terms.to_quantity),
        offer_token="",
        title=f"{terms.to_quantity} {terms.to_commodity}",
        price=None,
        base_price=None,
        created_at=now,
        expires_at=now + timedelta(seconds=gateway.settings.redemption.quote_seconds),
    )
    await gateway.database.write(partial(store.add_quote, quote=locked))
    return locked, terms
