"""What a retroactive correction of a conversion contract does to conversions that were made by it.

Points that the corrected terms would not have taken return to the lots they came from; miles that they would have
given become the partner's to credit, with a settlement line of their own that its statement has to match. Fees are
charged by the partner: what it has to return is told, not posted. What was given too much stays the member's.
Each refund is one entry under ``<id>:correct:<version>``, posted once whatever is run again.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.records import Mileage
from catalogue.conversion_corrections import Made, RefundEntry, refund_entries
from catalogue.conversion_quotes import priced
from catalogue.model import Catalogue
from gateway.redemption import reversal_store
from gateway.redemption.effects import member_hash
from gateway.redemption.records import Redemption
from gateway.redemption.states import State
from gateway.redemption.tables import quotes, redemptions
from settlement import entries, ledger, lines
from settlement.contracts import PartnerContract
from settlement.journal import JournalEntry
from settlement.obligations import Fact, Obligation, obligations


def made_by_corrected_terms(connection: Connection, catalogue: Catalogue, after: str, limit: int) -> list[str]:
    """List captured conversions by contracts that have a correction, by id, from after an id on."""
    corrected = {contract.id for contract in catalogue.conversions if contract.correction is not None}
    query = (
        sa.select(redemptions.c.id)
        .join(quotes, quotes.c.id == redemptions.c.quote_id)
        .where(
            redemptions.c.id > after,
            redemptions.c.state == State.CAPTURED.value,
            quotes.c.kind == "conversion",
            quotes.c.contract_id.in_(corrected),
        )
        .order_by(redemptions.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def refunds_of(connection: Connection, catalogue: Catalogue, redemption: Redemption) -> tuple[RefundEntry, ...]:
    """Work out what corrections refund to a captured conversion; nothing to one that is or is being undone.

    Nothing either to one that only a later version of the code understands: it is left to that.

    Raises:
        ConversionRefusedError: ``reason`` is ``not_comparable``; see `catalogue.conversion_corrections.refund_entries`.
    """
    locked = redemption.quote
    contract = catalogue.conversion_version(locked.contract_id or "", locked.contract_version or 0)
    if contract is None or redemption.newer or reversal_store.standing(connection, redemption.id) is not None:
        return ()
    assert isinstance(locked.service, Mileage)
    on_date = catalogue.programme.today(locked.created_at)
    terms = priced(contract, locked.quantity, on_date)
    terms = msgspec.structs.replace(terms, to_quantity=locked.service.quantity)
    return refund_entries(catalogue.conversions, [Made(conversion_id=redemption.id, quote=terms, on_date=on_date)])


def is_posted(connection: Connection, refund: RefundEntry) -> bool:
    """Say whether a refund is in the ledger."""
    return entries.find(connection, refund.key) is not None


def post(
    connection: Connection, contract: PartnerContract, redemption: Redemption, refund: RefundEntry, at: datetime
) -> bool:
    """Post a refund; False when it is there already, or moves nothing that we keep books of.

    The caller has locked the redemption.

    Raises:
        ObligationError: the partner's contract has no terms for conversions on the day of the conversion.
    """
    if is_posted(connection, refund) or not (refund.given_back or refund.credited):
        return False
    owed = obligations(contract, _fact(redemption, refund, at)) if refund.credited else None
    _move(connection, redemption, refund, owed, at)
    if owed is not None:
        lines.record(connection, owed, at, entry_key=refund.key)
    return True


def _move(
    connection: Connection,
    redemption: Redemption,
    refund: RefundEntry,
    owed: Obligation | None,
    at: datetime,
) -> None:
    also = () if owed is None else owed.postings
    if refund.given_back:
        capture = f"{redemption.id}:capture"
        ledger.reverse(connection, capture_key=capture, key=refund.key, quantity=refund.given_back, at=at, also=also)
        return
    entry = JournalEntry(key=refund.key, kind="correction", reference=redemption.id, postings=also, effective_at=at)
    ledger.post(connection, entry, at)


def _fact(redemption: Redemption, refund: RefundEntry, at: datetime) -> Fact:
    """The miles that are to be credited beside those of the conversion; they cost the member no points."""
    return Fact(
        kind="conversion",
        partner=redemption.partner,
        redemption_id=redemption.id,
        line_key=refund.key,
        reference=redemption.partner_key,
        partner_reference=redemption.partner_reference,
        benefit_id=None,
        member_hash=member_hash(redemption.partner, redemption.member_id),
        service_date=redemption.requested_at.date(),
        occurred_at=at,
        quantity=refund.credited,
        partner_price=None,
        base_price=None,
        points=0,
    )
