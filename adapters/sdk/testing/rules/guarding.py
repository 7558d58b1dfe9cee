"""Rules about what may leave and what may come in: members' data, secrets, callbacks, and answers to reading calls."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import msgspec
import structlog

from adapters.sdk.calls import PartnerAnswer, PartnerCall
from adapters.sdk.errors import PartnerError, StatementError, WebhookError
from adapters.sdk.records import Offer, Rental, ReservationRequest, Traveller
from adapters.sdk.testing.bench import Bench, Subject, open_bench, reserve
from adapters.sdk.testing.rules.rule import NotApplicableError, RuleBrokenError, require, require_none
from adapters.sdk.testing.rules.undoing import NONSENSE, spoilt

CANARIES = {
    "given_name": "Canarygiven",
    "family_name": "Canaryfamily",
    "email": "canary.person@mail.example",
    "phone": "+8613977700077",
    "partner_account": "canary-account-77",
}
"""What an undeclared field of the traveller holds: wherever one of these turns up, it was given away."""
BIRTH_DATE = date(1977, 7, 17)
SHORTEST_SECRET = 6


async def personal_fields_declared(bench: Bench) -> None:
    """Of a member, only the declared fields leave, in whatever part of a call."""
    declared = bench.manifest.personal_fields
    request = await bench.request("personal")
    undeclared = {name: value for name, value in CANARIES.items() if name not in declared}
    traveller: Traveller = msgspec.structs.replace(request.traveller, **undeclared)
    request = msgspec.structs.replace(request, traveller=traveller)
    if isinstance(request.service, Rental) and "birth_date" not in declared:
        driver = msgspec.structs.replace(request.service, driver_birth_date=BIRTH_DATE)
        request = msgspec.structs.replace(request, service=driver)
        undeclared["birth_date"] = BIRTH_DATE.isoformat()
    await _live_through(bench, request)
    left = [
        (name, call.operation) for call in bench.calls() for name, value in undeclared.items() if _holds(call, value)
    ]
    require_none(
        [
            f"the call {operation} carries {name}, which personal_fields does not declare"
            for name, operation in sorted(set(left))
        ]
    )


def _holds(call: PartnerCall, value: str) -> bool:
    parts = [call.path, *(text for pair in call.query for text in pair), *call.headers.values()]
    whole = "\n".join(parts) + "\n" + (call.body or b"").decode("utf-8", "replace")
    return any(form in whole for form in (value, quote(value, safe=""), value.removeprefix("+")))


async def _live_through(bench: Bench, request: ReservationRequest) -> list[object]:
    """Reserve, look up, cancel and fence, as far as the partner can; answer the results."""
    adapter, declared = bench.adapter, bench.manifest.capabilities
    result, request = await reserve(adapter, request)
    results: list[object] = [result]
    if "looks_up" in declared:
        results.append(await adapter.look_up(request))
    if "cancels" in declared and result.partner_reference:
        results.append(await adapter.cancel(request, result.partner_reference))
    if "fences" in declared:
        results.append(await adapter.fence(request))
    return results


async def secrets_stay_inside(subject: Subject) -> None:
    """No secret stands in a result, an error, a log, on the screen, or in what the adapter shows of itself."""
    hidden = hidden_forms(subject)
    if not hidden:
        raise NotApplicableError("no credential is typed secret")
    with overheard() as heard:
        async with open_bench(subject) as bench:
            request = await bench.request("secrets")
            shown = [repr(bench.adapter), str(bench.adapter)]
            shown += [repr(each) for each in await _live_through(bench, request)]
            for answer in (spoilt(401, b"{}"), spoilt(403, b"{}"), *NONSENSE):
                bench.client.substitute = lambda call, answer=answer: answer  # type: ignore[misc]
                shown.append(_shown(await _attempt(lambda: reserve(bench.adapter, request))))
                shown += [_shown(await _attempt(read)) for _, read in reads(bench)]
    places = {"what the adapter shows or answers": "\n".join(shown), "what it printed or logged": heard.getvalue()}
    found = [(name, place) for place, text in places.items() for name, forms in hidden.items() if _any(forms, text)]
    require_none([f"{name} stands in {place}" for name, place in found])


def hidden_forms(subject: Subject) -> dict[str, tuple[str, ...]]:
    """Answer every secret of a subject by name, in the forms in which it may turn up."""
    kinds = subject.package.manifest.credentials
    secrets = {name: value for name, value in subject.credentials.items() if kinds.get(name) == "secret"}
    if subject.webhook_secret:
        secrets["webhook_secret"] = subject.webhook_secret
    return {
        name: (value, base64.b64encode(value.encode()).decode(), quote(value, safe=""))
        for name, value in secrets.items()
        if len(value) >= SHORTEST_SECRET
    }


def _any(forms: tuple[str, ...], text: str) -> bool:
    return any(form in text for form in forms)


def _shown(value: object) -> str:
    """Show a result or an error in every way in which somebody might print it."""
    details = vars(value) if isinstance(value, Exception) else ""
    notes = getattr(value, "__notes__", "")
    return f"{value} {value!r} {details} {notes}"


async def _attempt(work: Callable[[], Awaitable[Any]]) -> object:
    try:
        return await work()
    except Exception as error:  # noqa: BLE001 - whatever is raised is looked at
        return error


@contextmanager
def overheard() -> Iterator[io.StringIO]:
    """Keep everything that is printed or logged within the block, at every level."""
    heard = io.StringIO()
    handler, root = logging.StreamHandler(heard), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(heard), redirect_stderr(heard), structlog.testing.capture_logs() as events:
            yield heard
        heard.write("\n".join(map(repr, events)))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def reads(bench: Bench) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Answer the reading calls that the partner declares, ready to be made.

    Raises:
        RuleBrokenError: the subject does not say what one of them is to be asked.
    """
    adapter, subject, declared = bench.adapter, bench.subject, bench.manifest.capabilities
    offers, account, member = subject.offer_request, subject.usage_account, subject.account_request
    found: list[tuple[str, Callable[[], Awaitable[Any]]]] = []
    if "quotes_offers" in declared:
        require(offers is not None, "conformance.py gives no offer_request, and quotes_offers is declared")
        found.append(("quote_offers", lambda: adapter.quote_offers(offers)))
    search = subject.offer_search
    if "searches_offers" in declared:
        require(search is not None, "conformance.py gives no offer_search, and searches_offers is declared")
        found.append(("search_offers", lambda: adapter.search_offers(search)))
    if "reports_usage" in declared:
        require(account is not None, "conformance.py gives no usage_account, and reports_usage is declared")
        found.append(("fetch_usage", lambda: adapter.fetch_usage(account, bench.today(), bench.today())))
    if "reports_status" in declared:
        require(member is not None, "conformance.py gives no account_request, and reports_status is declared")
        found.append(("report_status", lambda: adapter.report_status(member)))
    if "reports_statements" in declared:
        found.append(("fetch_statement", lambda: adapter.fetch_statement(bench.today())))
    return found


async def reads_answer(bench: Bench) -> None:
    """A reading call that goes well answers; offers are priced in the currency asked for and end in the future."""
    for name, read in reads(bench):
        answered = await _attempt(read)
        require(not isinstance(answered, Exception), f"{name} raised {type(answered).__name__}: {answered}")
        if name == "quote_offers" and isinstance(answered, tuple) and bench.subject.offer_request is not None:
            require_none(_offer_faults(answered, bench.subject.offer_request.currency, bench.clock.now()))


async def search_covers_the_place(bench: Bench) -> None:
    """A search finds several things of the kind asked for, each told apart, and no more than are wanted."""
    search = bench.subject.offer_search
    require(search is not None, "conformance.py gives no offer_search, and searches_offers is declared")
    assert search is not None
    found = await bench.adapter.search_offers(search)
    require(len(found) > 1, f"the search of a place with several things found {len(found)}")
    require_none(_offer_faults(found, search.currency, bench.clock.now()))
    kinds = {type(offer.service) for offer in found}
    require(kinds == {type(search.service)}, "the search found another kind of service than was asked for")
    told_apart = {(offer.token, msgspec.json.encode(offer.service)) for offer in found}
    require(len(told_apart) == len(found), "two offers of the search are the same thing")
    fewer = await bench.adapter.search_offers(msgspec.structs.replace(search, limit=1))
    require(len(fewer) == 1, f"one offer was wanted and {len(fewer)} were found")


def _offer_faults(offers: tuple[Offer, ...], currency: str, now: datetime) -> list[str]:
    faults = [] if offers else ["quote_offers answered no offer for the request of conformance.py"]
    if any(each.price is not None and each.price.currency != currency for each in offers):
        faults.append("an offer is priced in another currency than was asked for")
    if any(each.expires_at <= now for each in offers):
        faults.append("quote_offers answered an offer whose expires_at is over already")
    return faults


async def reads_fail_honestly(bench: Bench) -> None:
    """Nonsense in answer to a reading call raises a `PartnerError`; only a file is handed on unread."""
    faults = []
    for name, read in reads(bench):
        for answer in NONSENSE:
            bench.client.substitute = lambda call, answer=answer: answer  # type: ignore[misc]
            said = str(answer.status) if isinstance(answer, PartnerAnswer) else answer.reason
            answered = await _attempt(read)
            if name == "fetch_statement" and said == "200":
                continue
            if not isinstance(answered, PartnerError):
                kind = type(answered).__name__
                faults.append(f"{name}, told {said}, answered a {kind} where a PartnerError is to be raised")
    require_none(faults)


async def callbacks_are_proved(bench: Bench) -> None:
    """A genuine callback is taken; a forged, changed or old one is refused, and every one while there is no secret."""
    secret = bench.subject.webhook_secret
    if secret is None:
        raise RuleBrokenError("conformance.py gives no webhook_secret, and receives_webhooks is declared")
    _, request = await reserve(bench.adapter, await bench.request("callback"))
    bench.subject.use(bench.simulator, request)
    headers, body = bench.subject.callback(bench.simulator, request)
    now = int(bench.clock.now().timestamp())
    message_id = bench.adapter.verify_webhook(headers, body, (secret,), now)
    require(bool(message_id), "a genuine callback has no id")
    again = bench.adapter.verify_webhook(headers, body, (secret,), now + 1)
    require(again == message_id, "a callback that is told twice has two ids, so that a repeat is not known")
    event = bench.adapter.read_webhook(message_id, body)
    require(event is None or event.event_id == message_id, "the event has another id than the message")
    other = "whsec_" + base64.b64encode(b"another secret of 32 bytes, wide").decode()
    forged = {
        "without its proof": ({}, body, (secret,), now),
        "while no secret is configured": (headers, body, (), now),
        "while the secret is another": (headers, body, (other,), now),
    }
    if bench.manifest.signs_webhooks:
        forged |= {
            "with a changed body": (headers, body.replace(b"}", b" }", 1), (secret,), now),
            "an hour late": (headers, body, (secret,), now + 3600),
        }
    require_none(
        [f"a callback was taken {how}" for how, given in forged.items() if not _refused(bench.adapter, *given)]
    )
    for nonsense in (b"", b"{}", b"[]", b"\xff", b'{"type":1}'):
        require(_unreadable(bench.adapter, nonsense), f"read_webhook took {nonsense!r}, or raised no WebhookError")


def _refused(adapter: Any, headers: dict[str, str], body: bytes, secrets: tuple[str, ...], now: int) -> bool:
    try:
        adapter.verify_webhook(headers, body, secrets, now)
    except WebhookError:
        return True
    return False


def _unreadable(adapter: Any, body: bytes) -> bool:
    try:
        return adapter.read_webhook("msg_1", body) is None
    except WebhookError:
        return True


def statement_error(adapter: Any, name: str, content: bytes) -> bool:
    """Say whether a file is refused, as it must be: with a `StatementError`."""
    try:
        adapter.parse_statement(name, content)
    except StatementError:
        return True
    return False
