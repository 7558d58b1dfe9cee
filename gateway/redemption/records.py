"""A redemption and its quote as the room passes them around: frozen, read in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeVar, get_args

import msgspec

from adapters.sdk.records import ReservationRequest, Service, Traveller
from catalogue.benefits import PayWith
from catalogue.values import Money
from config.words import known
from gateway.errors import TransitionError
from gateway.redemption.states import ReversalState, State

QuoteKind = Literal["benefit", "conversion"]
POINTS = "PTS"
Record = TypeVar("Record", bound=msgspec.Struct)


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A locked price: what will be held (``quantity`` of ``commodity``) and what the partner will be asked for.

    ``service`` and ``pay_with`` are None where only a later version of the code understands them: then the redemption
    is ``newer``.
    """

    id: str
    kind: QuoteKind
    member_id: str
    partner: str
    benefit_id: str | None
    benefit_version: int | None
    contract_id: str | None
    contract_version: int | None
    pay_with: PayWith | None
    commodity: str
    quantity: int
    service: Service | None
    offer_token: str
    title: str
    price: Money | None
    base_price: Money | None
    created_at: datetime
    expires_at: datetime

    @property
    def points(self) -> int:
        """Points that the member gives; 0 when paid otherwise."""
        return self.quantity if self.commodity == POINTS else 0


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """One redemption as it stands, with its quote.

    ``newer``: a later version of the code put it into a state, or wrote something into it, that this one does not know.
    It is shown as UNKNOWN and nobody here works on it.
    """

    id: str
    quote: Quote
    member_id: str
    partner: str
    itinerary_id: str | None
    leg: int | None
    partner_key: str
    state: State
    version: int
    step: int
    carried: dict[str, str]
    partner_reference: str | None
    reason: str | None
    traveller: Traveller
    requested_at: datetime
    window_ends_at: datetime
    cancel_deadline_at: datetime
    withdrawal_asked_at: datetime | None
    next_action_at: datetime | None
    look_ups: int
    lease_owner: str | None
    lease_until: datetime | None
    updated_at: datetime
    newer: bool = False

    def require_understood(self) -> None:
        """Refuse to work on what only a later version of the code understands; it is left to that.

        Raises:
            TransitionError: it is `newer`.
        """
        if self.newer:
            raise TransitionError("Only a later version of the gateway understands it.", redemption_id=self.id)

    def request(self) -> ReservationRequest:
        """What the adapter is told: the same key and content for every attempt."""
        assert self.quote.service is not None
        return ReservationRequest(
            key=self.partner_key,
            service=self.quote.service,
            offer_token=self.quote.offer_token,
            price=self.quote.price,
            traveller=self.traveller,
            requested_at=self.requested_at,
            carried=self.carried,
        )


class Reversal(msgspec.Struct, frozen=True, kw_only=True):
    """``quantity`` of what a captured redemption took goes back; ``undoes``: because the benefit does, too.

    ``newer``: as of a redemption.
    """

    redemption_id: str
    number: int
    quantity: int
    undoes: bool
    reason: str
    state: ReversalState
    version: int
    requested_at: datetime
    deadline_at: datetime
    next_action_at: datetime | None
    tries: int
    lease_owner: str | None
    lease_until: datetime | None
    newer: bool = False


def money(amount: int | None, currency: str | None) -> Money | None:
    """Put two columns together; both or neither are there."""
    return None if amount is None or currency is None else Money(amount, currency)


SERVICES: tuple[type[Service], ...] = get_args(Service)


class _Asked(msgspec.Struct):
    """What this version has to understand of a quote to work on it."""

    kind: QuoteKind
    service: Service
    pay_with: PayWith


def quote_from(row: dict[str, Any]) -> Quote:
    """Read a quote from a row of the ``quotes`` table (column names as keys).

    Raises:
        msgspec.ValidationError: only a later version of the code understands it.
    """
    asked = msgspec.convert({name: row[name] for name in _Asked.__struct_fields__}, _Asked)
    return _quote(row, asked.service, asked.pay_with)


def newer_quote_from(row: dict[str, Any]) -> Quote:
    """Read of a quote what this version understands."""
    return _quote(row, known_part(row["service"], *SERVICES), known(PayWith, row["pay_with"]))


def known_part(document: dict[str, Any], *records: type[Record]) -> Record | None:
    """Read a stored record without what only a later version of the code knows; None where that is what it is about."""
    record = next((each for each in records if each.__struct_config__.tag == document.get("kind")), records[0])
    names = {*record.__struct_fields__, "kind"}
    try:
        return msgspec.convert({name: value for name, value in document.items() if name in names}, record)
    except msgspec.ValidationError:
        return None


def _quote(row: dict[str, Any], service: Service | None, pay_with: PayWith | None) -> Quote:
    values = row | {"service": service, "pay_with": pay_with}
    currency = values.pop("currency")
    values |= {name: money(values[name], currency) for name in ("price", "base_price")}
    return Quote(**values)
