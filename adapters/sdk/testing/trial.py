"""One operation of one adapter, tried by hand: what it answered, and every call that it made, fit to be shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from adapters.sdk.account_records import AccountRequest, PointsReversal, StatusGrant
from adapters.sdk.calls import CallFailure
from adapters.sdk.manifest import Manifest
from adapters.sdk.records import Mileage, ReservationRequest, Service, Traveller
from adapters.sdk.testing.bench import Bench, Subject, reserve
from adapters.sdk.testing.probe import Overheard, ProbeClient
from adapters.sdk.testing.rules.linking import link_member
from adapters.sdk.testing.showing import shown_body, shown_text
from config.clock import Clock
from config.errors import ConfigurationError, GatewayError

KEY = "trial00000000000000000001"
"""Our key unless another is given; cut to what the partner's field holds."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an operation is tried: an adapter connected to a simulator or to a sandbox. ``fresh`` has no memory yet."""

    adapter: Any
    client: ProbeClient
    manifest: Manifest
    subject: Subject
    clock: Clock
    fresh: bool
    bench: Bench | None = None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``made`` are the operation's own calls, ``before`` those that had to come first."""

    operation: str
    key: str
    result: Any
    before: list[Overheard]
    made: list[Overheard]


class ShownCall(msgspec.Struct, frozen=True):
    """One call, redacted."""

    operation: str
    request: str
    request_headers: dict[str, str]
    request_body: Any
    answer: str
    answer_headers: dict[str, str]
    answer_body: Any


class Wishes:
    """The fields that were given by hand; each has to be used, or it was misspelt."""

    def __init__(self, given: Mapping[str, str]) -> None:
        """Keep them."""
        self._left = dict(given)
        self._known: set[str] = set()

    def take(self, name: str, otherwise: str = "") -> str:
        """Take one."""
        self._known.add(name)
        return self._left.pop(name, otherwise)

    def over(self, record: Any, prefix: str = "") -> Any:
        """Give a record with the wished fields in it.

        Raises:
            ConfigurationError: a value does not fit its field.
        """
        names = [field for field in record.__struct_fields__ if field != "kind"]
        self._known |= {prefix + name for name in names}
        wished = {name: self._left.pop(prefix + name) for name in names if prefix + name in self._left}
        if not wished:
            return record
        try:
            return msgspec.convert(msgspec.to_builtins(record) | wished, type(record), strict=False)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"{', '.join(sorted(wished))}: {error}.") from error

    def require_none_left(self) -> None:
        """Refuse what nothing asked for.

        Raises:
            ConfigurationError: names it and what could have been given.
        """
        if self._left:
            raise ConfigurationError(
                f"{', '.join(sorted(self._left))}: no such field here; there are {', '.join(sorted(self._known))}."
            )


def bench_place(bench: Bench) -> Place:
    """Give the place that a bench is."""
    return Place(
        adapter=bench.adapter,
        client=bench.client,
        manifest=bench.manifest,
        subject=bench.subject,
        clock=bench.clock,
        fresh=True,
        bench=bench,
    )


async def attempt(place: Place, operation: str, fields: Mapping[str, str]) -> Trial:
    """Try one operation.

    Raises:
        ConfigurationError: the adapter does not declare it, or a field is not one of it.
    """
    if operation not in OPERATIONS or OPERATIONS[operation][0] not in place.manifest.capabilities:
        can = [name for name, (needs, _) in OPERATIONS.items() if needs in place.manifest.capabilities]
        raise ConfigurationError(f"{place.manifest.name} has no operation {operation!r}; it has {', '.join(can)}.")
    wishes = Wishes(fields)
    work, key = await OPERATIONS[operation][1](place, wishes)
    wishes.require_none_left()
    before = list(place.client.overheard)
    try:
        result: Any = await work()
    except GatewayError as error:
        result = {"error": error.code, "message": error.message}
    return Trial(operation=operation, key=key, result=result, before=before, made=place.client.overheard[len(before) :])


def shown(overheard: Overheard, secrets: tuple[str, ...]) -> ShownCall:
    """Show a call without anything that is secret or personal."""
    call, answer = overheard.call, overheard.answer
    query = "&".join(f"{name}={value}" for name, value in call.query)
    address = f"{call.path}{'?' if query else ''}{query}"
    if isinstance(answer, CallFailure):
        said, headers, body = f"{answer.outcome}: {answer.reason}", {}, None
    else:
        said, headers, body = str(answer.status), answer.headers, answer.body
    return ShownCall(
        operation=call.operation,
        request=f"{call.method} {shown_text(address, secrets)}",
        request_headers={name: shown_text(value, secrets, name) for name, value in call.headers.items()},
        request_body=shown_body(call.body, secrets),
        answer=said,
        answer_headers={name: shown_text(value, secrets, name) for name, value in headers.items()},
        answer_body=shown_body(body, secrets),
    )


Work = Callable[[], Awaitable[Any]]
Prepared = tuple[Work, str]


async def _quote(place: Place, wishes: Wishes) -> Prepared:
    asked = place.subject.offer_request
    if asked is None:
        raise ConfigurationError("The package's conformance.py gives no offer_request.")
    service = wishes.over(asked.service)
    asked = wishes.over(msgspec.structs.replace(asked, service=service))
    return lambda: place.adapter.quote_offers(asked), ""


async def _reserve(place: Place, wishes: Wishes) -> Prepared:
    request = await _request(place, wishes)

    async def work() -> Any:
        return (await reserve(place.adapter, request))[0]

    return work, request.key


async def _look_up(place: Place, wishes: Wishes) -> Prepared:
    request, _ = await _reserved(place, wishes)
    return lambda: place.adapter.look_up(request), request.key


async def _cancel(place: Place, wishes: Wishes) -> Prepared:
    given = wishes.take("partner_reference")
    request, reference = await _reserved(place, wishes)
    wanted = given or reference
    if not wanted:
        raise ConfigurationError("cancel needs partner_reference=..., what the partner called the reservation.")
    return lambda: place.adapter.cancel(request, wanted), request.key


async def _fence(place: Place, wishes: Wishes) -> Prepared:
    request, _ = await _reserved(place, wishes)
    return lambda: place.adapter.fence(request), request.key


async def _statement(place: Place, wishes: Wishes) -> Prepared:
    day = _day(place, wishes, "date")

    async def work() -> Any:
        fetched = await place.adapter.fetch_statement(day)
        return None if fetched is None else place.adapter.parse_statement(*fetched)

    return work, ""


async def _usage(place: Place, wishes: Wishes) -> Prepared:
    account = wishes.take("account", place.subject.usage_account or "")
    from_day, to_day = _day(place, wishes, "from_date"), _day(place, wishes, "to_date")
    return lambda: place.adapter.fetch_usage(account, from_day, to_day), ""


async def _read_account(place: Place, wishes: Wishes) -> Prepared:
    """Link a member at the simulator; at a sandbox that takes a person with a browser."""
    if place.bench is None:
        raise ConfigurationError("read_account is tried against the simulator: a sandbox asks a person in a browser.")
    member = wishes.take("account", "trial-member")
    wishes.require_none_left()
    place.bench.vault.put(member, await link_member(place.bench, member))
    return lambda: place.adapter.read_account(member), ""


async def _validate(place: Place, wishes: Wishes) -> Prepared:
    asked = _account(place, wishes)
    return lambda: place.adapter.validate_member(asked), ""


async def _status(place: Place, wishes: Wishes) -> Prepared:
    asked = _account(place, wishes)
    return lambda: place.adapter.report_status(asked), ""


async def _search(place: Place, wishes: Wishes) -> Prepared:
    asked = place.subject.offer_search
    if asked is None:
        raise ConfigurationError("The package's conformance.py gives no offer_search.")
    service = wishes.over(asked.service)
    asked = wishes.over(msgspec.structs.replace(asked, service=service))
    return lambda: place.adapter.search_offers(asked), ""


async def _grant(place: Place, wishes: Wishes) -> Prepared:
    today = place.clock.now().date()
    grant = wishes.over(
        StatusGrant(
            key=KEY[: place.manifest.facts.key.max_length or len(KEY)],
            account=_account(place, wishes).account,
            programme="trial",
            tier=place.subject.tier_to_grant,
            provenance="matched",
            valid_from_date=today,
            valid_until_date=today + timedelta(days=365),
        )
    )
    return lambda: place.adapter.grant_status(grant), grant.key


async def _voucher(place: Place, wishes: Wishes) -> Prepared:
    given = wishes.take("partner_reference")
    request, reference = await _reserved(place, wishes)
    return lambda: place.adapter.fetch_voucher(request, given or reference or ""), request.key


async def _reverse_credit(place: Place, wishes: Wishes) -> Prepared:
    request = await _reversal(place, wishes, "credit")
    return lambda: place.adapter.reverse_credit(request), request.key


async def _reverse_debit(place: Place, wishes: Wishes) -> Prepared:
    request = await _reversal(place, wishes, "debit")
    return lambda: place.adapter.reverse_debit(request), request.key


async def _debit(place: Place, wishes: Wishes) -> Prepared:
    request = await _request(place, wishes, place.subject.mileage.get("debit"))

    async def work() -> Any:
        return (await reserve(place.adapter, request))[0]

    return work, request.key


async def _reversal(place: Place, wishes: Wishes, direction: str) -> PointsReversal:
    """Move points first where the partner knows nothing yet; the reversal is of all of them unless told otherwise."""
    given, part = wishes.take("partner_reference"), wishes.take("part")
    request, reference = await _reserved(place, wishes, place.subject.mileage.get(direction))
    if not (given or reference) or not isinstance(request.service, Mileage):
        raise ConfigurationError("A reversal needs partner_reference=..., what the partner called the credit or debit.")
    if part and not (part.isascii() and part.isdecimal()):
        raise ConfigurationError(f"part: {part!r} is no number of points.")
    return PointsReversal(
        key=f"{request.key}r1"[-(place.manifest.facts.key.max_length or 64) :],
        original=request,
        partner_reference=given or reference or "",
        quantity=int(part or request.service.quantity),
    )


OPERATIONS: dict[str, tuple[str, Callable[[Place, Wishes], Awaitable[Prepared]]]] = {
    "quote": ("quotes_offers", _quote),
    "reserve": ("reserves", _reserve),
    "look_up": ("looks_up", _look_up),
    "cancel": ("cancels", _cancel),
    "fence": ("fences", _fence),
    "statement": ("reports_statements", _statement),
    "usage": ("reports_usage", _usage),
    "read_account": ("links_accounts", _read_account),
    "validate": ("validates_members", _validate),
    "status": ("reports_status", _status),
    "search": ("searches_offers", _search),
    "grant": ("grants_status", _grant),
    "voucher": ("issues_vouchers", _voucher),
    "debit": ("debits_points", _debit),
    "reverse_credit": ("credits_points", _reverse_credit),
    "reverse_debit": ("debits_points", _reverse_debit),
}
"""Every operation by name, with the capability it needs."""


def _account(place: Place, wishes: Wishes) -> AccountRequest:
    """Make the example's request with what is wished in it; factors are the example's, for they are secrets."""
    asked = place.subject.account_request
    if asked is None:
        raise ConfigurationError("The package's conformance.py gives no account_request.")
    traveller: Traveller = wishes.over(asked.traveller, "traveller.")
    return msgspec.structs.replace(asked, account=wishes.take("account", asked.account), traveller=traveller)


async def _request(place: Place, wishes: Wishes, wanted: Service | None = None) -> ReservationRequest:
    """Make the example's request with what is wished in it; a service that was changed is quoted anew."""
    longest = place.manifest.facts.key.max_length or len(KEY)
    key = wishes.take("key", KEY[:longest])
    request = await place.subject.make_request(place.adapter, key)
    traveller: Traveller = wishes.over(request.traveller, "traveller.")
    request = msgspec.structs.replace(request, traveller=traveller)
    service: Service = wishes.over(wanted or request.service)
    if service == request.service:
        return request
    request = msgspec.structs.replace(request, service=service)
    if place.subject.offer_request is None:
        return request
    asked = msgspec.structs.replace(place.subject.offer_request, service=service)
    offers = await place.adapter.quote_offers(asked)
    if not offers:
        raise ConfigurationError("The partner offers nothing for these fields.")
    return msgspec.structs.replace(request, offer_token=offers[0].token, price=offers[0].price)


async def _reserved(
    place: Place, wishes: Wishes, wanted: Service | None = None
) -> tuple[ReservationRequest, str | None]:
    """Make a request, and reserve it first where the partner knows nothing yet."""
    alone = wishes.take("alone") == "true"
    request = await _request(place, wishes, wanted)
    if alone or not place.fresh:
        return request, None
    wishes.require_none_left()
    result, request = await reserve(place.adapter, request)
    return request, result.partner_reference


def _day(place: Place, wishes: Wishes, name: str) -> date:
    text = wishes.take(name) or place.clock.now().date().isoformat()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {text!r} is no date; write 2026-01-31.") from error
