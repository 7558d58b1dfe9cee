"""What the simulated platform remembers: validations, orders and credits, with the documented refusals. In memory.

It reads requests by itself instead of with the adapter's types, so that the two cannot be wrong in the same way. Rows
are kept under their paths; an order also keeps the origin that its addresses were made with.

Sources: API reference and reference manual of the platform (github.com/Points/Loyalty-Commerce-Platform, read
2026-11-21); what the documentation leaves open is the simulator's choice and marked so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from adapters.sdk.records import StatementLine
from adapters.sdk.testing.book import Book
from catalogue.values import Money, Rate

SANDBOX_AMOUNTS: dict[int, tuple[str, str | None]] = {
    91: ("success", None),
    92: ("systemError", None),
    93: ("failure", None),
    94: ("pending", None),
    95: ("pending", "success"),
    96: ("pending", "failure"),
    97: ("systemError", None),
    98: ("failure", None),
    99: ("failure", None),
}
"""A credit's status by its amount, and what the night makes of it (API reference, Create a Credit, Sandbox mode)."""

SANDBOX_DEBITS: dict[int, tuple[str, str | None]] = {
    91: ("systemError", None),
    92: ("success", None),
    93: ("success", None),
    94: ("pending", None),
    95: ("pending", "success"),
    96: ("pending", "failure"),
    97: ("systemError", None),
    98: ("systemError", None),
    99: ("failure", None),
}
"""The same of a debit (API reference, Create a Debit, Sandbox mode)."""

SANDBOX_MEMBERS: dict[str, tuple[int, str]] = {
    "0000": (422, "UNKNOWN_MEMBER"),
    "0001": (422, "INELIGIBLE"),
    "0002": (422, "MAXIMUM_ATTEMPTS_EXCEEDED"),
    "0003": (502, "INVALID_UPSTREAM_RESPONSE"),
}
"""How an account number ends that is refused; which numbers do is the simulator's choice."""

SANDBOX_LEVELS = {"3": "Silver", "7": "Gold", "9": "Platinum"}
"""The level by an account number's last digit, others none. The choice, and the password, are the simulator's."""
PASSWORD = "open-sesame"  # noqa: S105 - a published throw-away value

Fields = Mapping[str, type]


class RefusedError(Exception):
    """The request is refused with a documented status and code."""

    def __init__(self, status: int, code: str, field: str | None = None) -> None:
        """Keep what the answer says."""
        super().__init__(code)
        self.status = status
        entry = {"code": code, "description": f"{code.replace('_', ' ').capitalize()}."}
        self.body = {"errors": [entry | ({"field": field} if field else {})]}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the book's rows."""

    path: str
    made_at: datetime


class Validation(Row, frozen=True, kw_only=True):
    """A member validation; ``used`` once a transaction was made with it."""

    programme: str
    factors: dict[str, str]
    proofs: tuple[str, ...] = ()
    used: bool = False


class Order(Row, frozen=True, kw_only=True):
    """An order; its updates only grow."""

    origin: str
    order_type: str
    data: dict[str, Any]
    key: str | None
    status: str = "initial"
    updates: tuple[dict[str, Any], ...] = ()


class Credit(Row, frozen=True, kw_only=True):
    """A credit, or a debit (``kind``), and how much of it was reversed.

    ``settles_as`` is what the night makes of a pending one (None: it stays).
    """

    programme: str
    amount: int
    validation: str
    order: str | None
    status: str
    settles_as: str | None
    decided_at: datetime
    kind: str = "credit"
    reversed: int = 0
    posted_date: date | None = None
    transaction_id: str | None = None


class Undone(Row, frozen=True, kw_only=True):
    """A reversal of so many points of the credit or debit at ``path``, on a business day."""

    amount: int
    day: date


class PlatformBook(Book):
    """Everything the simulated platform knows; lives as long as its process."""

    def __init__(self, *, batch: bool, zone: str, price: Rate, currency: str) -> None:
        """Open an empty book.

        Args:
            batch: every ordinary credit is queued for the night.
            zone: IANA name, in which business dates are counted.
            price: miles to minor units of the currency, for the statement; each credit is rounded half to even.
            currency: of the statement.
        """
        super().__init__()
        self.batch = batch
        self.zone = ZoneInfo(zone)
        self.price = price
        self.currency = currency

    def validate(self, programme: str, body: Any, at: datetime) -> Validation:
        """Create a member validation.

        Raises:
            RefusedError: malformed, or not a member.
        """
        check(body, {"identifyingFactors": dict}, {"authenticatingFactors": dict, "order": str})
        factors = body["identifyingFactors"]
        check(factors, {"memberId": str}, {"lastName": str, "firstName": str})
        if factors["memberId"][-4:] in SANDBOX_MEMBERS:
            raise RefusedError(*SANDBOX_MEMBERS[factors["memberId"][-4:]])
        proofs = body.get("authenticatingFactors", {})
        if proofs.get("password", PASSWORD) != PASSWORD:
            raise RefusedError(422, "UNKNOWN_MEMBER")
        path = f"/v1/lps/{programme}/mvs/mv-{self._next('validations')}"
        made = Validation(path=path, made_at=at, programme=programme, factors=factors, proofs=tuple(proofs))
        self.put("validations", path, made)
        return made

    def open_order(self, body: Any, origin: str, at: datetime) -> Order:
        """Create an order. A key that was used before is taken again: the documentation promises nothing else.

        Raises:
            RefusedError: malformed.
        """
        check(body, {"orderType": str, "data": dict}, {"partnerTransactionId": str})
        path = f"/v1/orders/or-{self._next('orders')}"
        made = Order(
            path=path,
            made_at=at,
            origin=origin,
            order_type=body["orderType"],
            data=body["data"],
            key=body.get("partnerTransactionId"),
        )
        self.put("orders", path, made)
        return made

    def credit(self, programme: str, body: Any, origin: str, at: datetime, kind: str = "credit") -> Credit:
        """Create a credit or a debit; amounts of `SANDBOX_AMOUNTS` are decided by it, all others are granted or queued.

        Raises:
            RefusedError: malformed, or the validation is unknown, used, or another programme's.
        """
        typed = {"creditType": str} if kind == "credit" else {}
        check(body, {"amount": int, "memberValidation": str}, {"order": str, "pic": str, **typed})
        if body["amount"] <= 0:
            raise RefusedError(400, "VALUE_OUT_OF_RANGE", "amount")
        validation: Validation | None = self.get("validations", body["memberValidation"].removeprefix(origin))
        order: Order | None = self.get("orders", body.get("order", "").removeprefix(origin))
        if validation is None:
            raise RefusedError(400, "INVALID_VALUE", "memberValidation")
        if order is None and "order" in body:
            raise RefusedError(400, "INVALID_VALUE", "order")
        if validation.programme != programme:
            raise RefusedError(422, "MV_LP_MISMATCH", "memberValidation")
        if validation.used:
            raise RefusedError(422, "MV_ALREADY_USED", "memberValidation")
        self.put("validations", validation.path, msgspec.structs.replace(validation, used=True))
        amounts = SANDBOX_AMOUNTS if kind == "credit" else SANDBOX_DEBITS
        status, settles_as = amounts.get(body["amount"], ("pending", "success") if self.batch else ("success", None))
        made = Credit(
            path=f"/v1/lps/{programme}/{kind}s/{kind[:2]}-{self._next('credits')}",
            made_at=at,
            kind=kind,
            programme=programme,
            amount=body["amount"],
            validation=validation.path,
            order=order.path if order else None,
            status=status,
            settles_as=settles_as,
            decided_at=at,
        )
        return self.decide(made, status, at, at.astimezone(self.zone).date())

    def decide(self, credit: Credit, status: str, at: datetime, business_date: date) -> Credit:
        """Set a credit's status; its order gets an update and must have its status recomputed."""
        posted = status == "success"
        decided = msgspec.structs.replace(
            credit,
            status=status,
            decided_at=at,
            posted_date=business_date if posted else None,
            transaction_id=f"15{credit.path[-8:]}" if posted else None,
        )
        self.put("credits", decided.path, decided)
        order: Order | None = self.get("orders", decided.order or "")
        if order is not None:
            update = {
                "resource": order.origin + decided.path,
                "status": status,
                "type": decided.kind,
                "updatedAt": at,
            }
            grown = msgspec.structs.replace(order, status="statusPending", updates=(*order.updates, update))
            self.put("orders", order.path, grown)
        return decided

    def reverse(self, body: Any, at: datetime) -> tuple[int, dict[str, Any]]:
        """Take back a part of a transaction, or all of it; a sum above the original is rejected, and so is its sign.

        Once all of it is taken back, its order is reversed.

        Raises:
            RefusedError: malformed.
        """
        check(body, {"transactionId": str, "amount": int}, {})
        named = body["transactionId"]
        rows: tuple[Credit, ...] = self.rows("credits")
        found = next((row for row in rows if row.transaction_id == named and row.status == "success"), None)
        wanted = -body["amount"] if found is not None and found.kind == "credit" else body["amount"]
        if found is None or wanted <= 0 or found.reversed + wanted > found.amount:
            why = "Error: No such transactionId" if found is None else "Error: more than the transaction was"
            return 400, {"status": "failure", "statusMessage": why, "transactionId": named}
        grown = msgspec.structs.replace(found, reversed=found.reversed + wanted)
        self.put("credits", grown.path, grown)
        day = at.astimezone(self.zone).date()
        self.put("reversals", f"{named}/{grown.reversed}", Undone(path=grown.path, made_at=at, amount=wanted, day=day))
        order: Order | None = self.get("orders", grown.order or "")
        if order is not None and grown.reversed == grown.amount:
            self.put("orders", order.path, msgspec.structs.replace(order, status="reversed"))
        return 200, {"status": "success", "transactionId": named}

    def settle(self, business_date: date, at: datetime) -> list[Credit]:
        """Run the nightly batch; answers the credits that it decided."""
        rows: tuple[Credit, ...] = self.rows("credits")
        return [
            self.decide(credit, credit.settles_as, at, business_date)
            for credit in rows
            if credit.status == "pending" and credit.settles_as is not None
        ]

    def statement_lines(self, business_date: date) -> Sequence[StatementLine]:
        """Account for every mile that was posted on a day."""
        rows: tuple[Credit, ...] = self.rows("credits")
        posted = [self._line(credit) for credit in rows if credit.posted_date == business_date]
        undone: tuple[Undone, ...] = self.rows("reversals")
        return posted + [self._undone_line(one) for one in undone if one.day == business_date]

    def _undone_line(self, one: Undone) -> StatementLine:
        credit: Credit | None = self.get("credits", one.path)
        assert credit is not None
        line = self._line(msgspec.structs.replace(credit, amount=one.amount))
        amount = None if line.amount is None else -line.amount
        return msgspec.structs.replace(line, kind="refund", amount=amount, status="refunded")

    def _line(self, credit: Credit) -> StatementLine:
        order: Order | None = self.get("orders", credit.order or "")
        price = Money(round(self.price.fraction * credit.amount), self.currency)
        return StatementLine(
            row=0,
            reference=order.key if order else None,
            partner_reference=credit.transaction_id,
            kind="mileage",
            service_date=credit.made_at.astimezone(self.zone).date(),
            quantity=credit.amount,
            amount=price if credit.kind == "credit" else -price,
            status="posted",
        )

    def _next(self, table: str) -> str:
        return f"{len(self.rows(table)) + 1:08d}"


def check(body: Any, required: Fields, optional: Fields) -> None:
    """Check the fields of a request as the reference manual's list of errors has it.

    Raises:
        RefusedError: no object, a missing, mistyped or unexpected field, or white space at the ends of a text.
    """
    if not isinstance(body, dict):
        raise RefusedError(400, "MISSING_REPRESENTATION")
    for name in required:
        if name not in body:
            raise RefusedError(400, "MISSING_FIELD", name)
    known = {**required, **optional}
    for name, value in body.items():
        if name not in known:
            raise RefusedError(400, "UNEXPECTED_PROPERTY", name)
        if type(value) is not known[name]:
            raise RefusedError(400, "INCORRECT_TYPE", name)
        if isinstance(value, str) and (not value or value != value.strip()):
            raise RefusedError(400, "NO_MATCH", name)
