"""What the contract demands, one check each. The text of each is what it proves."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec

from adapters.direct import calls, wire
from adapters.direct.kit.bench import Bench, FailedError, UnprovenError, read, require, require_echo, require_refusal
from adapters.direct.kit.member_checks import (
    member_status,
    member_validation,
    points_reversal,
    search,
    status_grant,
    voucher,
)
from adapters.direct.mapping import EVENT_KINDS
from adapters.sdk.calls import PartnerCall
from adapters.sdk.errors import StatementError
from adapters.sdk.statement_file import parse_statement

STATEMENT_CAP_BYTES = 64 * 1024 * 1024
STATEMENT_SECONDS = 60.0
NO_OFFER = "no-such-offer"
GUESS = base64.b64encode(b"nobody:guessed").decode()
replace = msgspec.structs.replace
ZONE = ZoneInfo("Asia/Shanghai")
"""Of the business day, as the manifest says."""


class _OAuthError(msgspec.Struct, frozen=True):
    error: str


class Check(msgspec.Struct, frozen=True):
    """One demand."""

    name: str
    proves: str
    run: Callable[[Bench], Awaitable[None]]


async def token(bench: Bench) -> None:
    """No token for a wrong secret; a call without one is refused with 401 and the code unauthenticated."""
    guessed = PartnerCall(
        operation="token",
        method="POST",
        path="/oauth/token",
        headers={"Authorization": f"Basic {GUESS}"},
        body=b"grant_type=client_credentials",
        content_type="application/x-www-form-urlencoded",
    )
    status = (await bench.call(guessed, authenticated=False)).status
    require(status in (400, 401), f"a client with a wrong secret was answered with {status}")
    key = bench.key("token")
    answer = await bench.call(calls.look_up(key), authenticated=False)
    require_refusal(answer, 401, "unauthenticated", None)


async def offers(bench: Bench) -> None:
    """Offers are priced in the currency asked for, and end in the future."""
    offer = await bench.offer()
    require(offer.price.currency == bench.settings.currency, f"an offer is priced in {offer.price.currency}")
    require(offer.expires_at > bench.clock.now(), "the best offer has ended already")


async def reserve_by_key(bench: Bench) -> None:
    """A new key is reserved: 201, and everything that was asked for is repeated."""
    _, reservation = await bench.reserved("new")
    require(reservation.status is wire.Status.RESERVED, f"its status is {reservation.status}")


async def replay(bench: Bench) -> None:
    """The same request again gets the same reservation: 200, one reference."""
    request, first = await bench.reserved("replay")
    for _ in range(2):
        answer = await bench.call(calls.reserve(request))
        require(answer.status == 200, f"the repeat was answered with {answer.status}")
        again = read(answer, wire.Reservation)
        require_echo(request, again)
        require(again.reference == first.reference, f"the repeat made {again.reference} beside {first.reference}")


async def other_body(bench: Bench) -> None:
    """Another content under a known key is refused with key_reused, and the first stands."""
    request, first = await bench.reserved("reused")
    other = msgspec.structs.replace(request, requested_at=request.requested_at + timedelta(seconds=1))
    require_refusal(await bench.call(calls.reserve(other)), 409, "key_reused", request.key)
    found = await bench.looked_up(request.key)
    require(found is not None and found.reference == first.reference, "the first reservation does not stand")


async def look_up(bench: Bench) -> None:
    """A key is looked up at once and exactly; one that was never seen is 404 not_found with the key."""
    request, first = await bench.reserved("lookup")
    found = await bench.looked_up(request.key)
    require(found is not None, "a key that was just reserved is not found")
    assert found is not None
    require_echo(request, found)
    require(found.reference == first.reference, "the look-up tells another reference")
    require(await bench.looked_up(bench.key("unseen")) is None, "a key that was never seen is found")


async def unknown_offer(bench: Bench) -> None:
    """An offer that is none is refused with 404 unknown_offer, and nothing is kept."""
    request = await bench.request("offer")
    wrong = msgspec.structs.replace(request, offer_token=NO_OFFER)
    require_refusal(await bench.call(calls.reserve(wrong)), 404, "unknown_offer", request.key)
    found = await bench.looked_up(request.key)
    require(found is None or found.status is not wire.Status.RESERVED, "something was reserved all the same")


async def malformed(bench: Bench) -> None:
    """A body that is not of the contract is refused and does nothing."""
    key = bench.key("malformed")
    call = calls.reserve(msgspec.structs.replace(await bench.request("malformed"), key=key))
    for body in (b"{", b"[]", b'{"offer": 1}', (call.body or b"").replace(b'"offer"', b'"of":1,"offer"', 1)[:-1]):
        answer = await bench.call(msgspec.structs.replace(call, body=body))
        require(400 <= answer.status < 500, f"{body[:16]!r} was answered with {answer.status}")
    require(await bench.looked_up(key) is None, "something was reserved all the same")


async def fence_before_reserve(bench: Bench) -> None:
    """A fence on a key that was never seen holds: it can be repeated, and a late copy of the request is refused."""
    request = await bench.request("fence")
    await _fenced(bench, request.key)
    await _fenced(bench, request.key)
    for _ in range(2):
        require_refusal(await bench.call(calls.reserve(request)), 409, "fenced", request.key)
    found = await bench.looked_up(request.key)
    require(found is not None and found.status is wire.Status.FENCED, "the look-up does not show the fence")


async def fence_withdraws(bench: Bench) -> None:
    """A fence on a reserved key releases it, and a repeat of the request is refused."""
    request, _ = await bench.reserved("withdraw")
    await _fenced(bench, request.key)
    require_refusal(await bench.call(calls.reserve(request)), 409, "fenced", request.key)
    found = await bench.looked_up(request.key)
    gone = found is not None and found.status in (wire.Status.FENCED, wire.Status.CANCELLED)
    require(gone, "the reservation stands behind the fence")


async def void(bench: Bench) -> None:
    """A cancel by our reference voids the reservation with its refund, also when it is repeated."""
    request, reservation = await bench.reserved("void")
    for _ in range(2):
        answer = await bench.call(calls.cancel(request.key, reservation.reference or ""))
        require(answer.status == 200, f"the cancel was answered with {answer.status}")
        cancelled = read(answer, wire.Reservation)
        require(cancelled.key == request.key, f"the answer tells of the key {cancelled.key!r}")
        require(cancelled.status is wire.Status.CANCELLED, f"the status is {cancelled.status}")
        require(cancelled.refund is not None, "the refund is not told")
    answer = await bench.call(calls.reserve(request))
    again = read(answer, wire.Reservation) if answer.status == 200 else None
    right = again is not None and again.status is wire.Status.CANCELLED
    require(right, f"a repeat of a cancelled reservation was answered with {answer.status} and reserved again")


async def void_of_another(bench: Bench) -> None:
    """A cancel with a reference that is another's is refused, and the reservation stands."""
    request, _ = await bench.reserved("other")
    answer = await bench.call(calls.cancel(request.key, "R-not-this-one"))
    require(400 <= answer.status < 500, f"the cancel was answered with {answer.status}")
    found = await bench.looked_up(request.key)
    require(found is not None and found.status is wire.Status.RESERVED, "the reservation was cancelled all the same")


async def statement(bench: Bench) -> None:
    """A day's file has its control totals, holds what was reserved and not what was fenced."""
    request, _ = await bench.reserved("statement")
    fenced = bench.key("unaccounted")
    await _fenced(bench, fenced)
    day = bench.settings.statement_date or bench.clock.now().astimezone(ZONE).date()
    answer = await bench.call(calls.statement(day, STATEMENT_CAP_BYTES, STATEMENT_SECONDS))
    if answer.status == 404:
        raise UnprovenError(f"there is no file of {day} yet; run the kit again with --statement-date")
    require(answer.status == 200, f"the file of {day} was answered with {answer.status}")
    sequence = answer.headers.get("statement-sequence", "")
    require(sequence.isascii() and sequence.isdigit(), "the header Statement-Sequence is no number")
    try:
        found = parse_statement(f"the file of {day}", answer.body)
    except StatementError as error:
        raise FailedError(error.message) from error
    require(found.business_date == day, f"the file is of {found.business_date}")
    require(not found.faults, f"rows that cannot be read: {[fault.message for fault in found.faults]}")
    accounted = {line.reference for line in found.lines}
    require(fenced not in accounted, "a fenced key is accounted for")
    if bench.settings.statement_date is None:
        require(request.key in accounted, "what was just reserved is not in today's file")


async def member_links(bench: Bench) -> None:
    """No code or refresh token is invented; a call for a member needs his token; revoking what is unknown is 200."""
    proof = bench.proof()
    nobody = await bench.call(replace(calls.member(""), link=None), authenticated=False)
    if nobody.status == 404:
        raise UnprovenError("members do not link their accounts here")
    require_refusal(nobody, 401, "unauthenticated", None)
    for grant, given in (("authorization_code", "code=kit-invented"), ("refresh_token", "refresh_token=kit-invented")):
        answer = await bench.call(_form("/oauth/token", f"grant_type={grant}&{given}", proof), authenticated=False)
        require(answer.status == 400, f"an invented {grant} was answered with {answer.status}")
        require(read(answer, _OAuthError).error == "invalid_grant", f"an invented {grant} is not invalid_grant")
    ended = await bench.call(_form("/oauth/revoke", "token=kit-invented", proof), authenticated=False)
    require(ended.status == 200, f"revoking an unknown token was answered with {ended.status}")


def _form(path: str, body: str, headers: dict[str, str]) -> PartnerCall:
    return PartnerCall(
        operation="token",
        method="POST",
        path=path,
        headers=headers,
        body=body.encode(),
        content_type="application/x-www-form-urlencoded",
    )


async def _event(kind: str, bench: Bench) -> None:
    if bench.listener is None:
        raise UnprovenError("start with --webhook-port and --webhook-secret-env")
    request, reservation = await bench.reserved("event")
    await bench.trigger(kind, request.key, reservation.reference or "")
    deliveries = await bench.listener.wait_for(kind, request.key, bench.settings.wait_seconds)
    require(len({one.message_id for one in deliveries}) == 1, "the repeat came under another message id")
    found = await bench.looked_up(request.key)
    require(found is not None, "the look-up does not know what the event tells of")
    wanted = {"visit.reported": wire.Status.USED, "reservation.cancelled": wire.Status.CANCELLED}.get(kind)
    right = wanted is None or (found is not None and found.status is wanted)
    require(right, f"after {kind} the look-up says {found.status if found else None}")


async def _fenced(bench: Bench, key: str) -> None:
    answer = await bench.call(calls.fence(key))
    require(answer.status == 200, f"the fence was answered with {answer.status}")
    tombstone = read(answer, wire.Reservation)
    right = (tombstone.key, tombstone.status) == (key, wire.Status.FENCED)
    require(right, f"the fence tells of {tombstone.key!r}, {tombstone.status}")


def _event_check(kind: str) -> Check:
    async def run(bench: Bench) -> None:
        await _event(kind, bench)

    proves = f"{kind} is signed, sent again after our 503 under the same id, and the look-up agrees."
    return Check(f"event[{kind}]", proves, run)


CHECKS: tuple[Check, ...] = (
    *(
        Check(run.__name__, run.__doc__ or "", run)
        for run in (
            token, offers, reserve_by_key, replay, other_body, look_up, unknown_offer, malformed, fence_before_reserve,
            fence_withdraws, void, void_of_another, statement, member_validation, member_status, member_links,
            points_reversal, voucher, status_grant, search,
        )
    ),
    *(_event_check(kind) for kind in sorted(EVENT_KINDS)),
)  # fmt: skip
"""Every check, in the order in which one would build a server. Broken servers in the tests make each of them fail."""
