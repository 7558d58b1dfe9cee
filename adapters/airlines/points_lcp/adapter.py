"""The sequence of calls and nothing else: what to send is in `mapping`, what an answer proves in `responses`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TypeVar

from adapters.airlines.points_lcp import calls, mapping, members, responses, webhooks
from adapters.airlines.points_lcp.wire import Credit, Errors, MemberValidation, Order, Wire
from adapters.sdk.account_records import AccountCheck, AccountRequest, PointsReversal, StatusReport, refused_reversal
from adapters.sdk.answers import failed_cancel, failed_step, readable
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.capabilities import Step
from adapters.sdk.codec import decode
from adapters.sdk.context import AdapterContext
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import LookUpAnswer, Outcome, ResponseTable
from adapters.sdk.records import CancelResult, LookUpResult, PartnerEvent, ReservationRequest, StatementFile, StepResult
from adapters.sdk.statement_file import parse_statement

T = TypeVar("T", bound=Wire)


class PointsLcpAdapter:
    """Credits miles to a member's account in one programme of the platform, debits them, and reverses both.

    A credit has no key of ours. The order has, and its address is carried before the credit is sent; the validation
    that the credit uses serves one transaction only, so that even a stray copy of the credit is refused there.
    """

    steps = (Step("validate_member"), Step("create_order"), Step("credit", commit=True))

    def __init__(self, context: AdapterContext) -> None:
        """Read the options.

        Raises:
            ConfigurationError: an option is missing or wrong.
        """
        self._partner = context.partner
        self._client = context.client
        self._options = mapping.read_options(context.partner, context.options)

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Make the one call of a step; see `adapters.sdk.capabilities.Reserves`."""
        runners = {"validate_member": self._validate, "create_order": self._order, "credit": self._credit}
        return mapping.refusal_before_sending(request, self._options) or await runners[step](request)

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        """Read the order, then its credit; anything contradictory is UNKNOWN.

        Without a carried order no credit was ever sent: there is nothing to find, and no address to ask.
        """
        path = mapping.order_path(request.carried.get("order", ""))
        if path is None:
            return LookUpResult(answer=LookUpAnswer.NOT_FOUND, code="no_order")
        order = await self._read(calls.get_order(path), Order)
        if isinstance(order, LookUpResult):
            return order
        if order.partner_transaction_id != request.key:
            return mapping.undecided("wrong_echo")
        return await self._look_up_credit(order, request)

    async def validate_member(self, request: AccountRequest) -> AccountCheck:
        """Validate an account by the programme's factors; see `adapters.sdk.capabilities.ValidatesMembers`.

        The validation is not used for anything: one serves one transaction, and lapses.
        """
        lacking = members.missing(request, self._options)
        if lacking is not None:
            return AccountCheck(outcome=Outcome.NOT_SENT, code="missing_factor", message=f"{lacking} is asked for.")
        answer = await self._client.call(self._account_call(request))
        if isinstance(answer, CallFailure):
            return AccountCheck(outcome=answer.outcome, code=answer.reason)
        return members.read_check(request, answer, self._options)

    async def report_status(self, request: AccountRequest) -> StatusReport | None:
        """Read the membership level of a fresh validation; None where the programme asks for more than we have.

        Raises:
            PartnerError: no trustworthy answer.
        """
        if members.missing(request, self._options) is not None:
            return None
        answer = readable(await self._client.call(self._account_call(request)))
        return members.read_status(request, answer, self._options)

    async def reverse_credit(self, request: PointsReversal) -> CancelResult:
        """Take back credited miles; see `adapters.sdk.capabilities.CreditsPoints`."""
        return refused_reversal(request, "credit") or await self._reverse(request)

    async def reverse_debit(self, request: PointsReversal) -> CancelResult:
        """Give back debited miles; see `adapters.sdk.capabilities.DebitsPoints`."""
        return refused_reversal(request, "debit") or await self._reverse(request)

    async def _reverse(self, request: PointsReversal) -> CancelResult:
        if not self._options.reversal_path:
            return CancelResult(outcome=Outcome.NO, code="no_reversals_agreed")
        call = calls.reverse(self._options.reversal_path, mapping.reversal_request(request))
        answer = await self._client.call(call)
        return failed_cancel(answer) if isinstance(answer, CallFailure) else mapping.reversed_(request, answer)

    def _account_call(self, request: AccountRequest) -> PartnerCall:
        body = members.validation_request(request, self._options)
        return calls.validate_member(self._options.loyalty_programme, body)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], now: int) -> str:
        """Check the path's secret; there is no signature and no timestamp to check. See `webhooks`."""
        return webhooks.verify(headers, body, secrets)

    def read_webhook(self, message_id: str, body: bytes) -> PartnerEvent | None:
        """Read a callback as a hint; see `webhooks`."""
        return webhooks.read(message_id, body)

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read a statement in the contractual format."""
        return parse_statement(name, content)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch the contractual file; None when there is none yet or when it is delivered to us.

        Raises:
            PartnerError: neither a file nor a plain "not there" came back.
        """
        if not self._options.statement_path:
            return None
        call = calls.get_statement(self._options.statement_path, business_date)
        answer = readable(await self._client.call(call))
        if answer.status == 200:
            return f"{self._partner}_{business_date.isoformat()}.csv", answer.body
        if answer.status == 404:
            return None
        raise ProtocolError("The statement's address answered something else.", status=answer.status)

    async def _validate(self, request: ReservationRequest) -> StepResult:
        body = mapping.member_validation_request(request, self._options)
        call = calls.validate_member(self._options.loyalty_programme, body)
        answer = await self._write(call, MemberValidation, responses.VALIDATE_MEMBER)
        return answer if isinstance(answer, StepResult) else mapping.validated(answer, request, self._options)

    async def _order(self, request: ReservationRequest) -> StepResult:
        if "member_validation" not in request.carried:
            return _out_of_order("member_validation")
        call = calls.create_order(mapping.order_request(request, self._options))
        answer = await self._write(call, Order, responses.CREATE_ORDER)
        return answer if isinstance(answer, StepResult) else mapping.ordered(answer, request)

    async def _credit(self, request: ReservationRequest) -> StepResult:
        for needed in ("member_validation", "order"):
            if needed not in request.carried:
                return _out_of_order(needed)
        programme = self._options.loyalty_programme
        body = mapping.credit_request(request, self._options)
        if mapping.mileage(request).direction == "debit":
            answer = await self._write(calls.debit(programme, body), Credit, responses.DEBIT)
        else:
            answer = await self._write(calls.credit(programme, body), Credit, responses.CREDIT)
        return answer if isinstance(answer, StepResult) else mapping.credited(answer, request, programme)

    async def _write(self, call: PartnerCall, type_: type[T], table: ResponseTable) -> T | StepResult:
        """Make a call that creates: its resource on 201, else what the table says of the errors."""
        answer = await self._client.call(call)
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        try:
            if answer.status == 201:
                return decode(answer.body, type_)
            codes = _codes(answer)
        except ProtocolError:
            return StepResult(outcome=Outcome.UNKNOWN, code="protocol")
        return StepResult(outcome=responses.decide(table, answer.status, codes), code=codes[0])

    async def _read(self, call: PartnerCall, type_: type[T]) -> T | LookUpResult:
        answer = await self._client.call(call)
        if isinstance(answer, CallFailure):
            return mapping.undecided(answer.reason)
        try:
            if answer.status == 200:
                return decode(answer.body, type_)
            codes = _codes(answer)
        except ProtocolError:
            return mapping.undecided("protocol")
        absent = responses.decide(responses.READ, answer.status, codes) is Outcome.NO
        return LookUpResult(answer=LookUpAnswer.NOT_FOUND if absent else LookUpAnswer.UNKNOWN, code=codes[0])

    async def _look_up_credit(self, order: Order, request: ReservationRequest) -> LookUpResult:
        programme = self._options.loyalty_programme
        known = (request.carried["credit"],) if "credit" in request.carried else ()
        direction = mapping.mileage(request).direction
        addresses = tuple(dict.fromkeys(known + mapping.credit_addresses(order, direction)))
        if not addresses:
            return mapping.looked_up(order, None, direction)
        path = mapping.credit_path(addresses[0], programme, direction)
        if len(addresses) > 1 or path is None:
            return mapping.undecided("several_credits" if path else "foreign_credit")
        credit = await self._read(calls.get_credit(path), Credit)
        if isinstance(credit, LookUpResult):
            return credit
        echoed = mapping.echoes(credit, request, programme)
        return mapping.looked_up(order, credit, direction) if echoed else mapping.undecided("wrong_echo")


def _codes(answer: PartnerAnswer) -> tuple[str, ...]:
    return tuple(entry.code for entry in decode(answer.body, Errors).errors)


def _out_of_order(missing: str) -> StepResult:
    return StepResult(outcome=Outcome.NOT_SENT, code="out_of_order", message=f"{missing} is not carried yet.")
