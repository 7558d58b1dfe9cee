"""Canonical requests and results: the field's words, integer units, aware instants. Frozen, typed per segment."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from catalogue.values import Money


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every record."""


class Stay(Record, frozen=True, tag="stay", tag_field="kind"):
    """Hotel nights. Dates are the hotel's local dates; ``property_id`` is the partner's, or a city is searched."""

    check_in_date: date
    check_out_date: date
    property_id: str | None = None
    city: str | None = None
    adults: int = 1


class Rental(Record, frozen=True, tag="rental", tag_field="kind"):
    """A rental car, from and to the partner's stations, at stated instants.

    ``driver_birth_date``: partners price by the driver's age; it leaves only where ``birth_date`` is declared.
    """

    pick_up_station: str
    drop_off_station: str
    pick_up_at: datetime
    drop_off_at: datetime
    driver_birth_date: date | None = None


class Visit(Record, frozen=True, tag="visit", tag_field="kind"):
    """One lounge visit on a local date, with guests."""

    airport: str
    lounge_id: str
    visit_date: date
    guests: int = 0


class Ride(Record, frozen=True, tag="ride", tag_field="kind"):
    """An airport transfer."""

    pick_up: str
    drop_off: str
    pick_up_at: datetime
    passengers: int = 1


class Mileage(Record, frozen=True, tag="mileage", tag_field="kind", omit_defaults=True):
    """Partner currency credited to an account of the member's at the partner, or debited from it."""

    account: str
    quantity: int
    direction: Literal["credit", "debit"] = "credit"


Service = Stay | Rental | Visit | Ride | Mileage
"""What a quote, an offer and a reservation are about."""


class Traveller(Record, frozen=True):
    """The personal fields a partner may declare to receive; unset unless declared and consented to.

    ``partner_account``: what the partner knows the member by, as he linked it.
    """

    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    phone: str | None = None
    partner_account: str | None = None


class Offer(Record, frozen=True):
    """A priced, available service. ``token`` is what the adapter needs to reserve it; opaque to everybody else.

    ``base_price``: of the standard service that this one is an upgrade of; None when it is none.
    """

    token: str
    service: Service
    title: str
    price: Money | None
    expires_at: datetime
    refundable_until_at: datetime | None = None
    pays_partner: bool = False
    base_price: Money | None = None


class OfferRequest(Record, frozen=True):
    """Ask for offers of a service, priced in a currency, for a tier and an account the partner knows the member by.

    ``partner_account`` is set only where the manifest declares it among the personal fields.
    """

    service: Service
    currency: str
    partner_tier: str | None = None
    partner_account: str | None = None


class OfferSearch(Record, frozen=True):
    """Ask what there is at a place and time, each thing with its best offer; an `OfferRequest` is about one thing.

    ``service`` says kind, place, time and party; what would name one thing in it is empty: a stay's ``property_id``
    (its ``city`` is the place), a visit's ``lounge_id``. ``limit``: how many offers are wanted at most.
    """

    service: Service
    currency: str
    partner_tier: str | None = None
    partner_account: str | None = None
    limit: int = 20

    def request(self) -> OfferRequest:
        """Ask the same as an `OfferRequest`."""
        return OfferRequest(
            service=self.service,
            currency=self.currency,
            partner_tier=self.partner_tier,
            partner_account=self.partner_account,
        )


class ReservationRequest(Record, frozen=True):
    """What every step of a reservation is told. ``key`` is the same for every attempt (rule R3)."""

    key: str
    service: Service
    offer_token: str
    price: Money | None
    traveller: Traveller
    requested_at: datetime
    carried: dict[str, str] = {}


class StepResult(Record, frozen=True):
    """What one step proved. ``carried`` is persisted and given to the later steps, look-ups and cancels."""

    outcome: Outcome
    code: str | None = None
    message: str | None = None
    partner_reference: str | None = None
    carried: dict[str, str] = {}
    retry_after_seconds: int | None = None


class LookUpResult(Record, frozen=True):
    """What a look-up by our key proved. ``copies``: how many things that stand the partner shows under this one key.

    ``refund``: what the partner gives back of a cancelled one, where it tells; the rest of its price is its fee.
    """

    answer: LookUpAnswer
    partner_reference: str | None = None
    carried: dict[str, str] = {}
    code: str | None = None
    copies: int = 1
    retry_after_seconds: int | None = None
    refund: Money | None = None


class CancelResult(Record, frozen=True):
    """What a cancel or fence proved.

    OK: cancelled, or the key can never be used again. NO: not cancelled, what was issued stands. Else not known.
    """

    outcome: Outcome
    code: str | None = None
    refund: Money | None = None
    retry_after_seconds: int | None = None


class PartnerVoucher(Record, frozen=True):
    """The partner's own voucher for something reserved: what its desk reads, drawn as ``symbology`` says.

    It may name the member, so that it is shown to him and kept nowhere. None as a bound: the partner tells none.
    """

    code: str
    symbology: Literal["qr", "code_128", "pdf417", "aztec", "text"]
    valid_from_at: datetime | None = None
    valid_to_at: datetime | None = None


class StatementLine(Record, frozen=True):
    """One row of a partner's statement.

    ``reference`` is our key as the partner wrote it down; amounts are what the partner says is owed to it
    (negative: to us). ``row`` counts data rows from 1.
    """

    row: int
    reference: str | None
    partner_reference: str | None
    kind: str
    service_date: date
    quantity: int
    amount: Money | None
    status: str
    member_hash: str | None = None


class RowFault(Record, frozen=True):
    """One row that could not be read: handed back to the partner, the rest proceeds."""

    row: int
    code: str
    message: str
    raw: str


class StatementFile(Record, frozen=True):
    """A parsed statement: its lines, its handback and the control totals it declared and was checked against."""

    partner: str
    business_date: date
    sequence: int
    lines: tuple[StatementLine, ...]
    faults: tuple[RowFault, ...]
    declared_count: int
    declared_totals: dict[str, int]


class Usage(Record, frozen=True):
    """One use that a partner tells when it is asked: without a reference of ours, so it is matched by its attributes.

    ``account``: whose. ``charge``: what the partner took from the member himself; None: nothing.
    """

    account: str
    place: str
    used_at: datetime
    visitors: int
    guests: int
    charge: Money | None = None


CONFIRMED_EVENT = "reservation.confirmed"
CANCELLED_EVENT = "reservation.cancelled"


class PartnerEvent(Record, frozen=True):
    """A verified webhook, in canonical words: a hint (rule R9). ``reference`` is our key.

    Of a partner that cannot be asked, `CONFIRMED_EVENT` and `CANCELLED_EVENT` count by themselves when they carry a
    ``sequence``, its own number that rises with every event of one reservation.
    """

    event_id: str
    kind: str
    reference: str | None
    occurred_at: datetime
    sequence: int | None = None
    partner_reference: str | None = None
    guests: int | None = None
