"""P: between our records and the platform's messages, echo checks included.

An answer that is well formed and about something else (another amount, order, validation, member or programme) proves
nothing about our request: it becomes UNKNOWN with the code ``wrong_echo``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from adapters.airlines.points_lcp import responses
from adapters.airlines.points_lcp.wire import (
    Credit,
    CreditRequest,
    MemberValidation,
    MemberValidationRequest,
    Order,
    OrderData,
    OrderDetails,
    OrderRequest,
    OrderUser,
    ReversalAnswer,
    ReversalRequest,
)
from adapters.sdk.account_records import PointsReversal
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decode
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, Mileage, ReservationRequest, StepResult
from config.errors import ConfigurationError

ACCOUNT_FACTOR = "memberId"
FAMILY_NAME_FACTOR = "lastName"
MESSAGE_LIMIT = 200

_ORDER = re.compile(r"https?://[^/?#]+/(?:[^/?#]+/)*orders/([A-Za-z0-9-]{1,64})/?", re.ASCII)
_CREDIT = re.compile(
    r"https?://[^/?#]+/(?:[^/?#]+/)*lps/([A-Za-z0-9-]{1,64})/(credits|debits)/([A-Za-z0-9-]{1,64})/?",
    re.ASCII,
)


class PointsLcpOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[options]`` of a partner file that names this adapter.

    ``loyalty_programme`` is the platform's id of the programme; ``identifying_factors`` what its request schema asks
    for, ``authenticating_factors`` what a member proves himself with where an account is validated; ``levels``: the
    programme's words for its membership levels to our tiers. ``order_type``, ``credit_type`` and ``product_code`` are
    agreed with the platform; ``statement_path`` (with ``{date}``) is where the contract lays the statement file, empty
    when files arrive another way; ``reversal_path`` where it takes reversals, empty when it takes none.
    """

    loyalty_programme: str
    identifying_factors: tuple[str, ...] = (ACCOUNT_FACTOR,)
    authenticating_factors: tuple[str, ...] = ()
    levels: dict[str, str] = {}
    order_type: str = "EXCHANGE_CREDIT"
    credit_type: str | None = None
    product_code: str | None = None
    statement_path: str = "/contract/statements/{date}"
    debit_order_type: str = "EXCHANGE_DEBIT"
    reversal_path: str = "/contract/reversals"

    def __post_init__(self) -> None:
        """Refuse factors that nobody declared to send."""
        unknown = set(self.identifying_factors) - {ACCOUNT_FACTOR, FAMILY_NAME_FACTOR}
        if unknown or ACCOUNT_FACTOR not in self.identifying_factors:
            raise ValueError(f"identifying_factors are {ACCOUNT_FACTOR} and perhaps {FAMILY_NAME_FACTOR}")
        if self.credit_type not in {None, "base", "bonus", "combinedBaseBonus"}:
            raise ValueError("credit_type is base, bonus or combinedBaseBonus")


def read_options(partner: str, raw: Mapping[str, object]) -> PointsLcpOptions:
    """Type the options of a partner file.

    Raises:
        ConfigurationError: names the partner and the key.
    """
    try:
        return msgspec.convert(dict(raw), PointsLcpOptions)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"partners/{partner}.toml, [options]: {error}.") from error


def order_path(href: str) -> str | None:
    """Give the path of an order's address at our own base; None when it is no order's address.

    Only the identifier is taken from the address, so that a call never follows an answer to another host.
    """
    found = _ORDER.fullmatch(href)
    return f"/v1/orders/{found[1]}" if found else None


def credit_path(href: str, programme: str, direction: str = "credit") -> str | None:
    """Give the path of a credit's (or debit's) address at our own base; None when it is none of this programme."""
    found = _CREDIT.fullmatch(href)
    if found is None or (found[1], found[2]) != (programme, f"{direction}s"):
        return None
    return f"/v1/lps/{programme}/{direction}s/{found[3]}"


def refusal_before_sending(request: ReservationRequest, options: PointsLcpOptions) -> StepResult | None:
    """Say what makes a request impossible to send at all, before any call; None when nothing does."""
    service = request.service
    if not isinstance(service, Mileage):
        return StepResult(outcome=Outcome.NO, code="not_mileage", message="Only miles are credited here.")
    if not service.account.strip() or service.quantity <= 0:
        return StepResult(outcome=Outcome.NO, code="invalid_request", message="An account and a quantity are needed.")
    if FAMILY_NAME_FACTOR in options.identifying_factors and not (request.traveller.family_name or "").strip():
        return StepResult(outcome=Outcome.NO, code="missing_family_name", message="The programme asks for it.")
    return None


def mileage(request: ReservationRequest) -> Mileage:
    """Give the service of a request that `refusal_before_sending` let pass.

    Raises:
        TypeError: it is another kind of service.
    """
    if not isinstance(request.service, Mileage):
        raise TypeError(f"{request.service!r} is not mileage")
    return request.service


def member_validation_request(request: ReservationRequest, options: PointsLcpOptions) -> MemberValidationRequest:
    """Name the member by what the programme asks for; white space at the ends is refused there, so it goes."""
    values = {
        ACCOUNT_FACTOR: mileage(request).account.strip(),
        FAMILY_NAME_FACTOR: (request.traveller.family_name or "").strip(),
    }
    return MemberValidationRequest(identifying_factors={name: values[name] for name in options.identifying_factors})


def order_request(request: ReservationRequest, options: PointsLcpOptions) -> OrderRequest:
    """Open the order under our key; the member is named by the validation only."""
    return OrderRequest(
        order_type=options.order_type if mileage(request).direction == "credit" else options.debit_order_type,
        partner_transaction_id=request.key,
        data=OrderData(
            order_details=OrderDetails(base_points=mileage(request).quantity),
            user=OrderUser(member_validation=request.carried["member_validation"]),
        ),
    )


def credit_request(request: ReservationRequest, options: PointsLcpOptions) -> CreditRequest:
    """Credit or debit the quantity, within the carried order and on the carried validation."""
    return CreditRequest(
        amount=mileage(request).quantity,
        member_validation=request.carried["member_validation"],
        order=request.carried["order"],
        credit_type=options.credit_type if mileage(request).direction == "credit" else None,
        pic=options.product_code,
    )


def validated(answer: MemberValidation, request: ReservationRequest, options: PointsLcpOptions) -> StepResult:
    """Read a validation; its address is carried for the one transaction that it serves."""
    echo = (answer.identifying_factors.get(ACCOUNT_FACTOR), answer.loyalty_program.rstrip("/").rpartition("/")[2])
    if echo != (mileage(request).account.strip(), options.loyalty_programme):
        return wrong_echo("member validation")
    outcome = responses.VALIDATE_MEMBER.decide(201, answer.status)
    carried = {"member_validation": answer.links.self_.href} if outcome is Outcome.OK else {}
    return StepResult(outcome=outcome, code=answer.status, carried=carried)


def ordered(answer: Order, request: ReservationRequest) -> StepResult:
    """Read a created order; its address is carried, because it is the only way to what becomes of the credit."""
    if answer.partner_transaction_id != request.key or order_path(answer.links.self_.href) is None:
        return wrong_echo("order")
    outcome = responses.CREATE_ORDER.decide(201, answer.status)
    carried = {"order": answer.links.self_.href} if outcome is Outcome.OK else {}
    return StepResult(outcome=outcome, code=answer.status, carried=carried)


def echoes(credit: Credit, request: ReservationRequest, programme: str) -> bool:
    """Say whether a credit is the one asked for: amount, validation, order and programme."""
    return (
        credit.amount == mileage(request).quantity
        and credit.member_validation == request.carried.get("member_validation")
        and credit.order == request.carried.get("order")
        and credit_path(credit.links.self_.href, programme, mileage(request).direction) is not None
    )


def credited(answer: Credit, request: ReservationRequest, programme: str) -> StepResult:
    """Read a created credit."""
    if not echoes(answer, request, programme):
        return wrong_echo("credit")
    return StepResult(
        outcome=responses.CREDIT.decide(201, answer.status),
        code=answer.status,
        message=answer.status_message[:MESSAGE_LIMIT] if answer.status_message else None,
        partner_reference=answer.transaction_id,
        carried={"credit": answer.links.self_.href},
    )


def credit_addresses(order: Order, direction: str = "credit") -> tuple[str, ...]:
    """List the addresses of an order's credits (or debits), each once, in the order of their first appearance."""
    return tuple(dict.fromkeys(update.resource for update in order.updates if update.type == direction))


def reversal_request(request: PointsReversal) -> ReversalRequest:
    """Name the transaction, and what its reversal does to the account: a credit is taken away, a debit given back."""
    sign = -1 if mileage(request.original).direction == "credit" else 1
    return ReversalRequest(transaction_id=request.partner_reference, amount=sign * request.quantity)


def reversed_(request: PointsReversal, answer: PartnerAnswer) -> CancelResult:
    """Judge a reversal, which has no key: a refusal of what was asked before may be of the copy, and proves nothing."""
    try:
        told = decode(answer.body, ReversalAnswer)
    except ProtocolError:
        return CancelResult(outcome=Outcome.UNKNOWN, code="protocol")
    if told.transaction_id != request.partner_reference:
        return CancelResult(outcome=Outcome.UNKNOWN, code="wrong_echo")
    outcome = responses.REVERSE.decide(answer.status, told.status)
    if outcome is Outcome.NO and request.repeated:
        outcome = Outcome.UNKNOWN
    return CancelResult(outcome=outcome, code=told.status)


def looked_up(order: Order, credit: Credit | None, direction: str = "credit") -> LookUpResult:
    """Conclude a look-up whose echoes were right; a credit's own state outweighs the order's history."""
    answer = responses.conclude(order.status, credit.status if credit else None, direction)
    return LookUpResult(
        answer=answer,
        partner_reference=credit.transaction_id if credit else None,
        carried={"credit": credit.links.self_.href} if credit else {},
        code=credit.status if credit else order.status,
    )


def wrong_echo(what: str) -> StepResult:
    """Answer for something else than what was asked."""
    return StepResult(outcome=Outcome.UNKNOWN, code="wrong_echo", message=f"The answer is about another {what}.")


def undecided(code: str) -> LookUpResult:
    """Conclude nothing."""
    return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=code)
