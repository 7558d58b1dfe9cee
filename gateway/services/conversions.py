"""Convert points into a partner's currency: the contract prices it, the redemption machine does it."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import Connection

from adapters.sdk.records import Mileage
from catalogue import members
from catalogue.benefits import PayWith
from catalogue.conversion import ConversionContract
from catalogue.conversion_caps import Used
from catalogue.conversion_lots import LotPart, LotShare, by_lot
from catalogue.conversion_quotes import ConversionQuote, Occasion, quote
from catalogue.conversion_transfers import Transfer, due_date, transfer
from catalogue.eligibility import MemberContext
from catalogue.model import Catalogue
from catalogue.programme import HOME_CURRENCY, MINOR_UNITS
from catalogue.values import Rate
from config.errors import NotFoundError, RuleError
from gateway.operations.switches import require_enabled
from gateway.redemption import store
from gateway.redemption.conversion_usage import conversions_used
from gateway.redemption.records import POINTS, Quote, Redemption
from gateway.redemption.states import State
from gateway.wiring import Gateway
from settlement import ledger


async def create_quote(
    gateway: Gateway, member_id: str, partner: str, points: int, to_commodity: str | None = None
) -> tuple[Quote, ConversionQuote]:
    """Quote a conversion by the contract in force and lock it.

    Args:
        to_commodity: needed only where points become several things at the partner.

    Raises:
        NotFoundError: no such partner.
        PartnerDisabledError: operators have switched the partner off.
        RuleError: the member has no account there, or the partner's commodity is not told.
        ConversionRefusedError: as `catalogue.conversion_quotes.quote` says, by what the member has converted so far.
    """
    now = gateway.clock.now()
    today = gateway.catalogue.programme.today(now)
    gateway.partners.named(partner)
    contracts = _to_one_commodity(gateway.catalogue.conversion_contracts(partner), to_commodity)

    def facts(connection: Connection) -> tuple[MemberContext, tuple[Used, ...]]:
        require_enabled(connection, partner)
        member = members.member_context(connection, gateway.catalogue.programme, member_id, today)
        return member, conversions_used(connection, gateway.catalogue, member_id)

    member, used = await gateway.database.read(facts)
    terms = quote(contracts, points, Occasion(today, used=used))
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
    await gateway.database.write(partial(store.add_quote, quote=locked), short=True)
    return locked, terms


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """A conversion as the desk sees it; ``lots`` is each lot's part, valued at what a point of the programme is worth.

    ``transfer`` is None when it was not granted.
    """

    id: str
    member_id: str
    partner: str
    state: str
    contract_id: str
    contract_version: int
    from_quantity: int
    to_quantity: int
    transfer: Transfer | None
    lots: tuple[LotShare, ...]


def read_conversion(connection: Connection, catalogue: Catalogue, redemption_id: str, now: datetime) -> Converted:
    """Read a conversion with its transfer and what each lot gave to it.

    Raises:
        NotFoundError: there is no such conversion.
        TransitionError: only a later version of the code knows what it gives.
    """
    redemption = store.get(connection, redemption_id)
    if redemption is None or redemption.quote.kind != "conversion":
        raise NotFoundError("There is no such conversion.")
    locked = redemption.quote
    if locked.service is None:
        redemption.require_understood()
    assert isinstance(locked.service, Mileage)
    value = Rate(catalogue.programme.points_per_cny, MINOR_UNITS)
    taken = ledger.lots_taken(connection, f"{redemption.id}:hold")
    return Converted(
        id=redemption.id,
        member_id=redemption.member_id,
        partner=redemption.partner,
        state=redemption.state.value,
        contract_id=locked.contract_id or "",
        contract_version=locked.contract_version or 0,
        from_quantity=locked.quantity,
        to_quantity=locked.service.quantity,
        transfer=transfer_of(catalogue, redemption, now),
        lots=by_lot(
            [LotPart(part.lot_id, part.quantity, value) for part in taken], locked.service.quantity, HOME_CURRENCY
        ),
    )


def transfer_of(catalogue: Catalogue, redemption: Redemption, now: datetime) -> Transfer | None:
    """Say by when a conversion must have been posted and where it stands; None when it was not granted.

    The time runs from the day on which the quote was used, by the contract version that the quote names.
    """
    if redemption.state is State.VOIDED:
        return None
    today = catalogue.programme.today
    locked = redemption.quote
    contract = catalogue.conversion_version(locked.contract_id or "", locked.contract_version or 0)
    due = None if contract is None else due_date(contract, today(redemption.requested_at))
    posted = today(redemption.updated_at) if redemption.state is State.CAPTURED else None
    return transfer(due, today(now), posted)


def _to_one_commodity(
    contracts: tuple[ConversionContract, ...], to_commodity: str | None
) -> tuple[ConversionContract, ...]:
    found = tuple(one for one in contracts if to_commodity in (None, one.to_commodity))
    targets = sorted({one.to_commodity for one in found})
    if len(targets) > 1:
        raise RuleError(f"Points become {' or '.join(targets)} there; say which as to_commodity.")
    return found
