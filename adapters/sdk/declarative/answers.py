"""Judging answers by a mapping: code, table, echo. Undocumented, or about something else, is UNKNOWN. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from adapters.sdk.answers import retry_after_seconds
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.codec import decode
from adapters.sdk.currencies import EXPONENTS, minor_units
from adapters.sdk.declarative import model, paths
from adapters.sdk.declarative.compiled import CompiledMapping, Reading
from adapters.sdk.declarative.fields import Value
from adapters.sdk.declarative.model import LookUp, MappingFile, MoneyAt, Quote, Webhook, Withdrawal
from adapters.sdk.declarative.rules import FIRST_ERROR
from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.reading import require_ok
from adapters.sdk.records import CancelResult, LookUpResult, Offer, OfferRequest, PartnerEvent, StepResult, Usage
from catalogue.values import Money

R = TypeVar("R", StepResult, LookUpResult, CancelResult)

WRONG_ECHO = "wrong_echo"
"""Code of an answer that is about something other than what was asked: UNKNOWN, and an alarm."""
UNREADABLE = "unreadable"
OFFER_LIMIT = 200
USE_LIMIT = 2_000


def judge_step(
    reading: Reading,
    answer: PartnerAnswer,
    values: Mapping[str, Value],
    file: MappingFile,
    *,
    commit: bool,
) -> StepResult:
    """Judge a step's answer: OK only when the table says so and everything that must be repeated is."""
    try:
        document = _document(answer)
        code = _code(reading, answer, document)
        outcome = reading.table.decide(answer.status, code)
        if outcome in (Outcome.BUSY, Outcome.UNKNOWN):
            return StepResult(outcome=outcome, code=code)
        echo = reading.echo if commit and outcome is not Outcome.NO else {}
        wrong = _wrong(_identity(reading, answer) | dict(echo), document, values, file)
        if wrong is not None:
            return StepResult(outcome=Outcome.UNKNOWN, code=WRONG_ECHO, message=f"not what was asked: {wrong}")
        if outcome is Outcome.NO:
            return StepResult(outcome=outcome, code=code)
        return StepResult(
            outcome=outcome, code=code, partner_reference=_reference(reading, document, outcome),
            carried=_carried(reading, document),
        )  # fmt: skip
    except ProtocolError as error:
        return StepResult(outcome=Outcome.UNKNOWN, code=UNREADABLE, message=error.message)


def judge_look_up(
    reading: Reading, answer: PartnerAnswer, values: Mapping[str, Value], file: MappingFile
) -> LookUpResult:
    """Judge a look-up's answer; ISSUED needs the whole echo, everything else what identifies the key."""
    try:
        document = _document(answer)
        code = _code(reading, answer, document)
        means = reading.means.get((answer.status, code)) or reading.means.get((answer.status, None))
        if means is None or means is LookUpAnswer.UNKNOWN:
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=code or f"status_{answer.status}")
        echo = reading.echo if means is LookUpAnswer.ISSUED else {}
        if _wrong(_identity(reading, answer) | dict(echo), document, values, file) is not None:
            return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=WRONG_ECHO)
        if means is not LookUpAnswer.ISSUED:
            refund = _refund(document, file.look_up) if means is LookUpAnswer.CANCELLED else None
            return LookUpResult(answer=means, code=code, refund=refund)
        return LookUpResult(
            answer=means, code=code, partner_reference=_reference(reading, document, Outcome.OK),
            carried=_carried(reading, document),
        )  # fmt: skip
    except ProtocolError as error:
        return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=f"{UNREADABLE}: {error.message}")


def judge_withdrawal(
    reading: Reading, answer: PartnerAnswer, values: Mapping[str, Value], file: MappingFile, given: Withdrawal
) -> CancelResult:
    """Judge the answer to a cancel or a fence."""
    try:
        document = _document(answer)
        code = _code(reading, answer, document)
        outcome = reading.table.decide(answer.status, code)
        decided = outcome in (Outcome.OK, Outcome.NO, Outcome.PENDING)
        if decided and _wrong(_identity(reading, answer), document, values, file) is not None:
            return CancelResult(outcome=Outcome.UNKNOWN, code=WRONG_ECHO)
        refund = _refund(document, given) if outcome is Outcome.OK else None
    except ProtocolError:
        return CancelResult(outcome=Outcome.UNKNOWN, code=UNREADABLE)
    return CancelResult(outcome=outcome, code=code, refund=refund)


def with_pause(result: R, answer: PartnerAnswer, now: datetime) -> R:
    """Add to a result that decides nothing how long the partner asks us to wait."""
    decided = result.answer if isinstance(result, LookUpResult) else result.outcome
    if decided not in (LookUpAnswer.UNKNOWN, Outcome.UNKNOWN, Outcome.BUSY):
        return result
    return msgspec.structs.replace(result, retry_after_seconds=retry_after_seconds(answer, now))


def read_offers(
    reading: Reading, answer: PartnerAnswer, request: OfferRequest, file: MappingFile, now: datetime
) -> tuple[Offer, ...]:
    """Read offers, best first, as the partner ordered them.

    Raises:
        PartnerError: not a documented answer with offers; see `require_ok`.
    """
    quote = file.quote
    assert quote is not None
    try:
        document = _document(answer)
    except ProtocolError:
        if answer.status < FIRST_ERROR:
            raise
        document = paths.ABSENT
    require_ok(answer, reading.table, _code(reading, answer, document))
    found = paths.at(document, quote.offers) if quote.offers else [document]
    if not isinstance(found, list) or len(found) > OFFER_LIMIT:
        raise ProtocolError("The offers are no list, or too many.")
    return tuple(_offer(quote, item, request, file, now) for item in found)


def read_uses(reading: Reading, answer: PartnerAnswer, account: str, file: MappingFile) -> tuple[Usage, ...]:
    """Read uses, in the partner's order.

    Raises:
        PartnerError: not a documented answer with uses; see `require_ok`.
    """
    usage = file.usage
    assert usage is not None
    try:
        document = _document(answer)
    except ProtocolError:
        if answer.status < FIRST_ERROR:
            raise
        document = paths.ABSENT
    require_ok(answer, reading.table, _code(reading, answer, document))
    found = paths.at(document, usage.uses)
    if not isinstance(found, list) or len(found) > USE_LIMIT:
        raise ProtocolError("The uses are no list, or too many.")
    return tuple(_use(usage, item, account, file) for item in found)


def _use(usage: model.Usage, item: Any, account: str, file: MappingFile) -> Usage:
    guests = paths.integer_at(item, usage.guests) if usage.guests else paths.integer_at(item, usage.visitors) - 1
    visitors = paths.integer_at(item, usage.visitors) if usage.visitors else guests + 1
    if not 0 <= guests < visitors:
        raise ProtocolError("A use contradicts itself: it has no guests, or as many as visitors.")
    charge = None
    if usage.charge is not None and paths.at(item, usage.charge.currency) not in (paths.ABSENT, None):
        charge = _money(item, usage.charge)
        if charge.currency not in EXPONENTS:
            raise ProtocolError("A use is charged in no currency.")
    return Usage(
        account=account,
        place=paths.text_at(item, usage.place),
        used_at=paths.instant_at(item, usage.used_at, _zone(file)),
        visitors=visitors,
        guests=guests,
        charge=charge if charge is not None and charge.amount else None,
    )


def read_event(mapping: CompiledMapping, message_id: str, body: bytes) -> PartnerEvent | None:
    """Read a verified callback; None for a kind that the mapping does not name.

    Raises:
        ProtocolError: unreadable.
    """
    webhook = mapping.file.webhook
    assert webhook is not None
    document = decode(body, Any)
    kind = webhook.kinds.get(paths.text_at(document, webhook.kind))
    if kind is None:
        return None
    return PartnerEvent(
        event_id=message_id,
        kind=kind,
        reference=paths.optional_text_at(document, webhook.reference),
        occurred_at=paths.instant_at(document, webhook.occurred_at, _zone(mapping.file)),
        sequence=_optional_integer(document, webhook.sequence),
        partner_reference=paths.optional_text_at(document, webhook.partner_reference)
        if webhook.partner_reference
        else None,
        guests=_optional_integer(document, webhook.guests),
    )


def event_id(webhook: Webhook, body: bytes) -> str:
    """Read the id of a verified callback from its body.

    Raises:
        ProtocolError: there is none.
    """
    return paths.text_at(decode(body, Any), webhook.id)


def _offer(quote: Quote, item: Any, request: OfferRequest, file: MappingFile, now: datetime) -> Offer:
    price = None
    if quote.price is not None:
        price = _money(item, quote.price)
        if price.currency != request.currency:
            raise ProtocolError("An offer is priced in another currency than was asked for.")
    end = quote.expires_at and paths.instant_at(item, quote.expires_at, _zone(file))
    until = quote.refundable_until_at
    title = paths.optional_text_at(item, quote.title) if quote.title else None
    return Offer(
        token=paths.text_at(item, quote.token),
        service=_service(quote, item, request),
        title=title or quote.untitled or file.service,
        price=price,
        expires_at=end or now + timedelta(seconds=quote.expires_after_seconds),
        refundable_until_at=paths.instant_at(item, until, _zone(file))
        if until and paths.at(item, until) not in (paths.ABSENT, None)
        else None,
        pays_partner=quote.pays_partner,
    )


def _service(quote: Quote, item: Any, request: OfferRequest) -> Any:
    if not quote.service:
        return request.service
    raw = msgspec.to_builtins(request.service)
    for name, path in quote.service.items():
        raw[name] = paths.integer_at(item, path) if isinstance(raw[name], int) else paths.text_at(item, path)
    return msgspec.convert(raw, type(request.service))


def _document(answer: PartnerAnswer) -> Any:
    """Read a body strictly; one that is empty holds nothing."""
    return decode(answer.body, Any) if answer.body.strip() else paths.ABSENT


def _code(reading: Reading, answer: PartnerAnswer, document: Any) -> str | None:
    path = reading.code if answer.status < FIRST_ERROR else reading.error_code
    value = paths.at(document, path) if path else None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) and len(str(value)) <= paths.TEXT_LIMIT else None


def _identity(reading: Reading, answer: PartnerAnswer) -> dict[str, str]:
    return dict(reading.identity if answer.status < FIRST_ERROR else reading.error_identity)


def _wrong(echo: Mapping[str, str], document: Any, values: Mapping[str, Value], file: MappingFile) -> str | None:
    """Name the first field that is not repeated as it was sent."""
    for field, path in echo.items():
        value = values.get(field)
        if value is not None and not _same(field, value, paths.at(document, path), values, file):
            return field
    return None


def _same(field: str, value: Value, found: Any, values: Mapping[str, Value], file: MappingFile) -> bool:
    if found is paths.ABSENT or found is None or isinstance(found, bool | dict | list):
        return False
    if field == "price.amount":
        currency = str(values["price.currency"])
        return minor_units(paths.amount_text(found), currency) == minor_units(str(value), currency)
    if isinstance(value, datetime):
        return paths.instant_at({"echo": found}, "echo", _zone(file)) == value
    if isinstance(value, date):
        return str(found) == value.isoformat()
    return str(found) == str(value)


def _reference(reading: Reading, document: Any, outcome: Outcome) -> str | None:
    """Read the partner's reference: an OK has to carry it, a PENDING may."""
    if not reading.reference:
        return None
    required = outcome is Outcome.OK
    return (
        paths.text_at(document, reading.reference) if required else paths.optional_text_at(document, reading.reference)
    )


def _carried(reading: Reading, document: Any) -> dict[str, str]:
    found = ((name, paths.optional_text_at(document, path)) for name, path in reading.carry.items())
    return {name: text for name, text in found if text is not None}


def _refund(document: Any, given: LookUp | Withdrawal | None) -> Money | None:
    if given is None or given.refund is None or paths.at(document, given.refund.currency) in (paths.ABSENT, None):
        return None
    return _money(document, given.refund)


def _money(document: Any, money: MoneyAt) -> Money:
    currency = paths.text_at(document, money.currency)
    return paths.money_at(document, money.amount, money.minor_units, currency)


def _optional_integer(document: Any, path: str) -> int | None:
    if not path or paths.at(document, path) in (paths.ABSENT, None):
        return None
    return paths.integer_at(document, path)


def _zone(file: MappingFile) -> str:
    """The zone of local times; empty when the partner writes offsets, and a time without one is refused."""
    return file.time_zone if file.local_times else ""
