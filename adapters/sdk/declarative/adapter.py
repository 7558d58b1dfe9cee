"""The adapter that a mapping makes: one part for each capability, put together as the manifest declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from zoneinfo import ZoneInfo

import structlog

from adapters.sdk import webhooks
from adapters.sdk.answers import failed_cancel, failed_step, readable
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.capabilities import Step
from adapters.sdk.context import AdapterContext
from adapters.sdk.declarative import answers
from adapters.sdk.declarative.compiled import Call, CompiledMapping, Hook
from adapters.sdk.declarative.fields import Value, is_of, offer_values, reservation_values, usage_values
from adapters.sdk.declarative.requests import UnsendableError, make_call
from adapters.sdk.declarative.templates import MissingFieldError
from adapters.sdk.errors import ManifestError, ProtocolError, WebhookError
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import (
    CancelResult,
    LookUpResult,
    Offer,
    OfferRequest,
    PartnerEvent,
    ReservationRequest,
    StatementFile,
    StepResult,
    Usage,
)
from adapters.sdk.statement_fetch import fetch_contractual, read_contractual
from adapters.sdk.webhook_schemes import TIMESTAMPED, verify_timestamped

log = structlog.get_logger(__name__)

OTHER_SERVICE = "other_service"
"""Code of a request for another kind of service than the mapping is for; nothing is sent."""


class Part:
    """What every part needs."""

    def __init__(self, context: AdapterContext, mapping: CompiledMapping) -> None:
        """Take the context and the mapping.

        Raises:
            ManifestError: the partner file has an option that the mapping does not name.
        """
        self._context = context
        self._mapping = mapping
        self._zone = ZoneInfo(mapping.file.time_zone)
        self._options = {**mapping.file.options, **_options(context, mapping)}

    def _values(self, request: ReservationRequest) -> dict[str, Value]:
        return reservation_values(request, self._options, self._context.partner)

    async def _ask(self, call: Call, values: Mapping[str, Value], request: object) -> PartnerAnswer | CallFailure:
        """Make a call; what cannot be made was not sent."""
        try:
            made = make_call(call.request, values, self._zone)
            if call.request.prepare is not None:
                made = _prepared(call.request.prepare, made, request)
        except MissingFieldError as error:
            return CallFailure(Outcome.NOT_SENT, f"missing:{error.name}")
        except UnsendableError as error:
            return CallFailure(Outcome.NOT_SENT, error.reason)
        return await self._context.client.call(made)

    def _last_word(
        self, call: Call, request: object, answer: PartnerAnswer, result: answers.R, failed: answers.R
    ) -> answers.R:
        """Let the package's own function judge; one that fails leaves the outcome unknown."""
        paused = answers.with_pause(result, answer, self._context.clock.now())
        if call.reading.judge is None:
            return paused
        try:
            judged = call.reading.judge(request, answer, paused)
        except Exception as error:  # noqa: BLE001 - an integrator's function may raise anything; nothing is then known
            log.warning(
                "hook_failed", partner=self._context.partner, operation=call.request.operation, error=repr(error)
            )
            return failed
        return judged if isinstance(judged, type(failed)) else failed

    def _fits(self, request: ReservationRequest | OfferRequest) -> bool:
        return is_of(request.service, self._mapping.file.service)


class Quoting(Part):
    """`QuotesOffers`."""

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        """Ask for offers; of another kind of service there are none."""
        if not self._fits(request):
            return ()
        call = self._mapping.calls["quote_offers"]
        values = offer_values(request, self._options, self._context.partner)
        answer = await self._ask(call, values, request)
        if isinstance(answer, CallFailure):
            answer = readable(answer)
        now = self._context.clock.now()
        offers = answers.read_offers(call.reading, answer, request, self._mapping.file, now)
        return tuple(_judged_offers(call.reading.judge, request, answer, offers))


class Reserving(Part):
    """`Reserves`."""

    steps: tuple[Step, ...]

    def __init__(self, context: AdapterContext, mapping: CompiledMapping) -> None:
        """Take the steps too."""
        super().__init__(context, mapping)
        self.steps = mapping.steps

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Make the one call of a step."""
        if not self._fits(request):
            return StepResult(outcome=Outcome.NOT_SENT, code=OTHER_SERVICE)
        call, values = self._mapping.calls[step], self._values(request)
        answer = await self._ask(call, values, request)
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        commit = any(each.name == step and each.commit for each in self.steps)
        result = answers.judge_step(call.reading, answer, values, self._mapping.file, commit=commit)
        return self._last_word(call, request, answer, result, StepResult(outcome=Outcome.UNKNOWN, code="hook"))


class LookingUp(Part):
    """`LooksUp`."""

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        """Ask what became of our key."""
        call, values = self._mapping.calls["look_up"], self._values(request)
        answer = await self._ask(call, values, request)
        if isinstance(answer, CallFailure):
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=answer.reason)
        result = answers.judge_look_up(call.reading, answer, values, self._mapping.file)
        return self._last_word(call, request, answer, result, LookUpResult(answer=LookUpAnswer.UNKNOWN, code="hook"))


class Withdrawing(Part):
    """What cancels and fences share."""

    async def _withdraw(self, operation: str, request: ReservationRequest, more: Mapping[str, Value]) -> CancelResult:
        call, values = self._mapping.calls[operation], {**self._values(request), **more}
        answer = await self._ask(call, values, request)
        if isinstance(answer, CallFailure):
            return failed_cancel(answer)
        given = self._mapping.file.cancel if operation == "cancel" else self._mapping.file.fence
        assert given is not None
        result = answers.judge_withdrawal(call.reading, answer, values, self._mapping.file, given)
        return self._last_word(call, request, answer, result, CancelResult(outcome=Outcome.UNKNOWN, code="hook"))


class Cancelling(Withdrawing):
    """`Cancels`."""

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Ask for the cancellation of what was issued."""
        return await self._withdraw("cancel", request, {"partner_reference": partner_reference})


class Fencing(Withdrawing):
    """`Fences`."""

    async def fence(self, request: ReservationRequest) -> CancelResult:
        """Raise the fence."""
        return await self._withdraw("fence", request, {})


class Telling(Part):
    """`ReportsUsage`."""

    async def fetch_usage(self, account: str, from_date: date, to_date: date) -> tuple[Usage, ...]:
        """Ask for the uses of an account."""
        call = self._mapping.calls["fetch_usage"]
        values = usage_values(account, from_date, to_date, self._options, self._context.partner)
        answer = await self._ask(call, values, account)
        return answers.read_uses(call.reading, readable(answer), account, self._mapping.file)


class Listening(Part):
    """`ReceivesWebhooks`."""

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], now: int) -> str:
        """Verify over the raw bytes by the manifest's scheme."""
        scheme, webhook = self._mapping.webhook_scheme, self._mapping.file.webhook
        if not scheme.startswith(TIMESTAMPED):
            return webhooks.verify(headers, body, secrets, now)
        verify_timestamped(headers.get(scheme.removeprefix(TIMESTAMPED).lower(), ""), body, secrets, now)
        assert webhook is not None
        try:
            message_id = answers.event_id(webhook, body)
        except ProtocolError as error:
            raise WebhookError("The event's id is none.") from error
        if len(message_id) > webhooks.ID_LIMIT or not message_id.isascii() or not message_id.isprintable():
            raise WebhookError("The event's id is none.")
        return message_id

    def read_webhook(self, message_id: str, body: bytes) -> PartnerEvent | None:
        """Read an event."""
        try:
            return answers.read_event(self._mapping, message_id, body)
        except ProtocolError as error:
            raise WebhookError(error.message) from error


class Accounting(Part):
    """`ReportsStatements`, in the contractual format."""

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read the contractual statement file."""
        return read_contractual(self._context.partner, name, content)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch the file of a day; None while there is none."""
        statement = self._mapping.file.statement
        assert statement is not None
        return await fetch_contractual(self._context.client, self._context.partner, statement.path, business_date)


PARTS: dict[str, type[Part]] = {
    "quotes_offers": Quoting,
    "reserves": Reserving,
    "looks_up": LookingUp,
    "cancels": Cancelling,
    "fences": Fencing,
    "reports_usage": Telling,
    "receives_webhooks": Listening,
    "reports_statements": Accounting,
}
"""Capability to the part that gives it."""


def adapter_maker(mapping: CompiledMapping, capabilities: tuple[str, ...]) -> Callable[[AdapterContext], object]:
    """Make ``create``: an adapter with the declared capabilities and no others."""
    parts = tuple(PARTS[capability] for capability in capabilities) or (Part,)
    kind: Callable[[AdapterContext, CompiledMapping], object] = type("DeclaredAdapter", parts, {})
    return lambda context: kind(context, mapping)


def _options(context: AdapterContext, mapping: CompiledMapping) -> dict[str, str]:
    where = f"partners/{context.partner}.toml, [options]"
    for name, value in context.options.items():
        if name not in mapping.file.options:
            known = ", ".join(sorted(mapping.file.options)) or "none"
            raise ManifestError(f"{where}: {name} is not an option of {context.manifest.name}; there is {known}.")
        if not isinstance(value, str):
            raise ManifestError(f"{where}: {name} is not a text; write it in quotes.")
    return dict(context.options)


def _prepared(prepare: Hook, made: PartnerCall, request: object) -> PartnerCall:
    try:
        prepared = prepare(made, request)
    except Exception as error:
        raise UnsendableError(f"hook:{type(error).__name__}") from error
    if not isinstance(prepared, PartnerCall):
        raise UnsendableError("hook:no_call")
    return prepared


def _judged_offers(
    judge: Hook | None, request: OfferRequest, answer: PartnerAnswer, offers: tuple[Offer, ...]
) -> tuple[Offer, ...]:
    if judge is None:
        return offers
    try:
        judged = tuple(judge(request, answer, offers))
    except Exception as error:
        raise ProtocolError("The package's own function could not read the offers.") from error
    if not all(isinstance(offer, Offer) for offer in judged):
        raise ProtocolError("The package's own function answered something else than offers.")
    return judged
