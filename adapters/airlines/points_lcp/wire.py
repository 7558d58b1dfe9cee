"""P: what goes over the wire, in the platform's own field names. Fields that nobody here needs are not read.

Source: the platform's API reference, pages on member validations, orders, credits and webhooks, and the reference
manual's pages on errors and links (github.com/Points/Loyalty-Commerce-Platform, read 2026-11-21).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

Positive = Annotated[int, msgspec.Meta(gt=0)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of every message; unknown fields of an answer are ignored."""


class WireRequest(Wire, frozen=True, omit_defaults=True):
    """Base of every message that we send: an unset optional field is left out, as the platform refuses null."""


class CreditStatus(StrEnum):
    """What the programme did with a credit. PENDING waits for the nightly batch; SYSTEM_ERROR is not known."""

    SUCCESS = "success"
    FAILURE = "failure"
    SYSTEM_ERROR = "systemError"
    PENDING = "pending"


class OrderStatus(StrEnum):
    """The summary of an order. It is kept by the application, not by the platform: the credits are the facts."""

    INITIAL = "initial"
    COMPLETE = "complete"
    DEBIT_FAILED = "debitFailed"
    DEBIT_PENDING = "debitPending"
    DEBIT_ERROR = "debitError"
    CREDIT_FAILED = "creditFailed"
    CREDIT_PENDING = "creditPending"
    CREDIT_ERROR = "creditError"
    STATUS_PENDING = "statusPending"
    REVERSED = "reversed"


class Link(Wire, frozen=True):
    """An address given by the platform."""

    href: str


class Links(Wire, frozen=True):
    """The addresses of a resource; its own is the only one used."""

    self_: Link = msgspec.field(name="self")


class MemberValidationRequest(WireRequest, frozen=True):
    """Asks whether an account exists and may transact. Which factors are asked for is each programme's choice."""

    identifying_factors: dict[str, str]
    authenticating_factors: dict[str, str] | None = None


class MemberValidation(Wire, frozen=True):
    """A validated member; good for one transaction. The balance that comes with it is not read.

    Authenticating factors come back masked. Not every programme gives a level.
    """

    links: Links
    status: str
    loyalty_program: str
    identifying_factors: dict[str, str]
    authenticating_factors: dict[str, str] = {}
    membership_level: str | None = None


class OrderDetails(WireRequest, frozen=True):
    """What an order is about."""

    base_points: Positive
    loyalty_program: str | None = None


class OrderUser(WireRequest, frozen=True):
    """Whom an order is for: only the validation is named, no personal field."""

    member_validation: str


class OrderData(WireRequest, frozen=True):
    """The descriptive part of an order."""

    order_details: OrderDetails
    user: OrderUser


class OrderRequest(WireRequest, frozen=True):
    """Opens an order under our key."""

    order_type: str
    partner_transaction_id: str
    data: OrderData


class OrderUpdate(Wire, frozen=True):
    """One thing that happened to an order; the list only grows."""

    resource: str
    status: str
    type: str
    updated_at: Instant


class Order(Wire, frozen=True):
    """An order and its history."""

    links: Links
    status: OrderStatus
    partner_transaction_id: str | None = None
    updates: list[OrderUpdate] = []


class CreditRequest(WireRequest, frozen=True):
    """Asks for points to be added to a validated member's account; a debit, the same without type, to take them."""

    amount: Positive
    member_validation: str
    order: str
    credit_type: str | None = None
    pic: str | None = None


class Credit(Wire, frozen=True):
    """A credit or a debit, and what the programme did with it."""

    links: Links
    amount: Positive
    status: CreditStatus
    member_validation: str
    order: str | None = None
    status_message: str | None = None
    transaction_id: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class ReversalRequest(WireRequest, frozen=True):
    """Asks for points of a transaction to be taken back: the sign is the effect on the member's account."""

    transaction_id: str
    amount: int


class ReversalAnswer(Wire, frozen=True):
    """What became of a reversal."""

    status: str
    transaction_id: str
    status_message: str | None = None


class ErrorEntry(Wire, frozen=True):
    """One error of an answer."""

    code: str
    description: str = ""
    field: str | None = None


class Errors(Wire, frozen=True):
    """The body of every answer that is not a success."""

    errors: Annotated[list[ErrorEntry], msgspec.Meta(min_length=1)]


class Callback(Wire, frozen=True):
    """An unsigned webhook: says that something happened to an order of ours."""

    order_url: str
    order_status: str
    update: OrderUpdate
    partner_transaction_id: str | None = None
