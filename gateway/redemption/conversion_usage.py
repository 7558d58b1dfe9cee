"""What a member has converted so far, and the caps judged again where it counts: in the transaction of the hold."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.records import Mileage
from catalogue.conversion_caps import Used, reached
from catalogue.errors import ConversionRefusedError
from catalogue.model import Catalogue
from gateway.redemption.records import Quote
from gateway.redemption.states import State
from gateway.redemption.tables import quotes, redemptions


def conversions_used(connection: Connection, catalogue: Catalogue, member_id: str) -> tuple[Used, ...]:
    """List a member's conversions for the caps: all that were not voided, those under way included.

    The pair of commodities is read from the contract that a quote names, of any version; a contract that has left the
    files is counted for no pair. Of a service that only a later version of the code knows, the points count.
    """
    pairs = {contract.id: contract.pair for contract in catalogue.conversions}
    query = (
        sa.select(quotes.c.contract_id, quotes.c.quantity, quotes.c.service, redemptions.c.requested_at)
        .join(redemptions, redemptions.c.quote_id == quotes.c.id)
        .where(
            redemptions.c.member_id == member_id,
            quotes.c.kind == "conversion",
            redemptions.c.state != State.VOIDED.value,
        )
        .order_by(redemptions.c.requested_at, redemptions.c.id)
    )
    return tuple(
        Used(catalogue.programme.today(requested_at), *pairs[contract_id], quantity, int(service.get("quantity", 0)))
        for contract_id, quantity, service, requested_at in connection.execute(query)
        if contract_id in pairs
    )


def refuse_above_cap(connection: Connection, catalogue: Catalogue, quote: Quote, now: datetime) -> None:
    """Refuse a locked conversion that no longer fits under the caps of the contract it was quoted by.

    To be called with the member locked (a hold locks), so that of two quotes at once only one passes.

    Raises:
        ConversionRefusedError: ``reason`` is ``above_cap``; ``left`` says what the cap leaves.
    """
    contract = catalogue.conversion_version(quote.contract_id or "", quote.contract_version or 0)
    if contract is None or not contract.caps:
        return
    assert isinstance(quote.service, Mileage)
    used = conversions_used(connection, catalogue, quote.member_id)
    found = reached(contract, used, catalogue.programme.today(now), quote.quantity, quote.service.quantity)
    if found is not None:
        raise ConversionRefusedError(
            "Other conversions have used up what the contract's cap allows; ask for a new quote.",
            reason="above_cap",
            left=found.left,
            again_date=str(found.again_date) if found.again_date else None,
        )
