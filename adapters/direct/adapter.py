"""The sequence of calls for each capability; what an answer means is in `mapping` and `responses`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from adapters.direct import calls, mapping, members, responses, wire
from adapters.sdk import statement_file, webhooks
from adapters.sdk.account_records import (
    AccountCheck,
    AccountRequest,
    PointsReversal,
    StatusGrant,
    StatusReport,
    refused_reversal,
)
from adapters.sdk.answers import failed_cancel, failed_step, readable
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.capabilities import Step
from adapters.sdk.codec import decode
from adapters.sdk.context import AdapterContext
from adapters.sdk.errors import ManifestError, ProtocolError, WebhookError
from adapters.sdk.link_tokens import LinkedAccount
from adapters.sdk.outcomes import LookUpAnswer
from adapters.sdk.records import (
    CancelResult,
    LookUpResult,
    Offer,
    OfferRequest,
    OfferSearch,
    PartnerEvent,
    PartnerVoucher,
    ReservationRequest,
    StatementFile,
    StepResult,
)


class DirectOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The partner file's ``[options]``: how large and how slow a statement may be."""

    statement_cap_bytes: int = 64 * 1024 * 1024
    statement_deadline_seconds: float = 120.0


class DirectAdapter:
    """One partner on our own contract."""

    steps = (Step(name="reserve", commit=True),)

    def __init__(self, context: AdapterContext) -> None:
        """Take the context.

        Raises:
            ManifestError: an option that is none.
        """
        self._client = context.client
        self._clock = context.clock
        self._partner = context.partner
        try:
            self._options = msgspec.convert(dict(context.options), DirectOptions)
        except msgspec.ValidationError as error:
            raise ManifestError(f"partners/{context.partner}.toml, [options]: {error}.") from error

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        """Ask for offers; see `QuotesOffers`."""
        answer = readable(await self._client.call(calls.offers(request)))
        if answer.status != 200:
            raise ProtocolError("The offers' status is not one of the contract.", status=answer.status)
        return mapping.read_offers(request, answer.body)

    async def search_offers(self, request: OfferSearch) -> tuple[Offer, ...]:
        """Ask what there is at a place; see `SearchesOffers`. Nothing, where the partner serves no search."""
        answer = await self._optional(calls.search(request))
        if answer.status == 501 and mapping.not_offered(answer):
            return ()
        if answer.status != 200:
            raise ProtocolError("The search's status is not one of the contract.", status=answer.status)
        return mapping.read_found(request, answer.body)

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Reserve; see `Reserves`."""
        answer = await self._client.call(calls.reserve(request))
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        return mapping.read_step(request, answer, responses.RESERVE, self._clock.now())

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        """Look up by our key; once the visit is reported ``carried`` has ``guests`` and ``used_at``."""
        answer = await self._client.call(calls.look_up(request.key))
        if isinstance(answer, CallFailure):
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=answer.reason)
        return mapping.read_look_up(request, answer, self._clock.now())

    async def fence(self, request: ReservationRequest) -> CancelResult:
        """Fence our key; see `Fences`."""
        answer = await self._client.call(calls.fence(request.key))
        if isinstance(answer, CallFailure):
            return failed_cancel(answer)
        return mapping.read_cancel(request.key, answer, responses.FENCE, self._clock.now())

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Cancel what the partner's reference names; see `Cancels`."""
        answer = await self._client.call(calls.cancel(request.key, partner_reference))
        if isinstance(answer, CallFailure):
            return failed_cancel(answer)
        return mapping.read_cancel(request.key, answer, responses.CANCEL, self._clock.now())

    async def fetch_voucher(self, request: ReservationRequest, partner_reference: str) -> PartnerVoucher | None:
        """Read the partner's own voucher; see `IssuesVouchers`."""
        answer = await self._optional(calls.voucher(request.key))
        return mapping.read_voucher(request.key, partner_reference, answer)

    async def reverse_credit(self, request: PointsReversal) -> CancelResult:
        """Take back credited points; see `CreditsPoints`."""
        return refused_reversal(request, "credit") or await self._reverse(request)

    async def reverse_debit(self, request: PointsReversal) -> CancelResult:
        """Give back debited points; see `DebitsPoints`."""
        return refused_reversal(request, "debit") or await self._reverse(request)

    async def _reverse(self, request: PointsReversal) -> CancelResult:
        answer = await self._client.call(calls.reverse(request))
        if isinstance(answer, CallFailure):
            return failed_cancel(answer)
        return mapping.read_reversal(request, answer, self._clock.now())

    async def validate_member(self, request: AccountRequest) -> AccountCheck:
        """Ask whether an account is the member's; see `ValidatesMembers`."""
        answer = await self._client.call(calls.validate_member(request))
        if isinstance(answer, CallFailure):
            return AccountCheck(outcome=answer.outcome, code=answer.reason)
        return members.read_check(request, answer, self._clock.now())

    async def report_status(self, request: AccountRequest) -> StatusReport | None:
        """Ask for the tier of an account; see `ReportsStatus`."""
        return members.read_status(request, await self._optional(calls.report_status(request)))

    async def grant_status(self, request: StatusGrant) -> StepResult:
        """Grant a tier by our key; see `GrantsStatus`."""
        answer = await self._client.call(calls.grant_status(request))
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        return members.read_grant(request, answer, self._clock.now())

    async def _optional(self, call: PartnerCall) -> PartnerAnswer:
        """Make a reading call that the partner may have chosen not to serve, which it says with 501."""
        answer = await self._client.call(call)
        return answer if isinstance(answer, PartnerAnswer) and answer.status == 501 else readable(answer)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], now: int) -> str:
        """Verify by Standard Webhooks."""
        return webhooks.verify(headers, body, secrets, now)

    def read_webhook(self, message_id: str, body: bytes) -> PartnerEvent | None:
        """Read an event; see `ReceivesWebhooks`."""
        try:
            return mapping.read_event(message_id, body)
        except ProtocolError as error:
            raise WebhookError(error.message) from error

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read the contractual statement file."""
        return statement_file.parse_statement(name, content)

    async def read_account(self, link: str) -> LinkedAccount:
        """Ask whose link it is; see `LinksAccounts`."""
        answer = readable(await self._client.call(calls.member(link)))
        if answer.status != 200:
            raise ProtocolError("The member's status is not one of the contract.", status=answer.status)
        member = decode(answer.body, wire.LinkedMember)
        return LinkedAccount(account_number=member.account, tier=member.tier)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch the file of a day; None while the partner has none.

        Raises:
            PartnerError: no trustworthy answer.
        """
        call = calls.statement(
            business_date, self._options.statement_cap_bytes, self._options.statement_deadline_seconds
        )
        answer = readable(await self._client.call(call))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ProtocolError("The statement's status is not one of the contract.", status=answer.status)
        sequence = answer.headers.get("statement-sequence", "1")
        if not sequence.isascii() or not sequence.isdigit():
            raise ProtocolError("The statement's sequence is not a number.")
        return statement_file.statement_name(self._partner, business_date, int(sequence)), answer.body
