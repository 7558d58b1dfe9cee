"""What the contract demands of a partner that answers about its members, which it may leave alone."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from adapters.direct import calls, wire
from adapters.direct.kit.bench import Bench, UnprovenError, read, require, require_refusal
from adapters.direct.responses import NOT_OFFERED
from adapters.sdk.account_records import AccountRequest, PointsReversal, StatusGrant
from adapters.sdk.calls import PartnerAnswer, PartnerCall
from adapters.sdk.records import Mileage, OfferSearch, Visit

NO_ACCOUNT = "kit-there-is-none-0000"


async def member_validation(bench: Bench) -> None:
    """A member's account is valid, and one that there is not is not; both answers repeat the account."""
    for account, wanted in ((_account(bench), True), (NO_ACCOUNT, False)):
        answer = await offered(bench, calls.validate_member(AccountRequest(account=account)))
        told = read(answer, wire.MemberAnswer)
        require(told.account == account, f"the answer tells of the account {told.account!r}")
        require(told.valid is wanted, f"the account {account!r} is told to be valid={told.valid}")


async def member_status(bench: Bench) -> None:
    """The tier of a member's account is told; one that there is not is told as not known, without a tier."""
    for account, wanted in ((_account(bench), True), (NO_ACCOUNT, False)):
        answer = await offered(bench, calls.report_status(AccountRequest(account=account)))
        told = read(answer, wire.MemberStatus)
        require(told.account == account, f"the answer tells of the account {told.account!r}")
        require(told.known is wanted, f"the account {account!r} is told to be known={told.known}")
        require(told.known or told.tier is None, "an account that is not known has a tier")


async def search(bench: Bench) -> None:
    """A search finds things of the kind asked for, each named, no more than are wanted; what is found is reserved."""
    service = bench.settings.service
    if isinstance(service, Visit):
        service = msgspec.structs.replace(service, lounge_id="")
    asked = OfferSearch(service=service, currency=bench.settings.currency, limit=2)
    found = read(await offered(bench, calls.search(asked)), wire.SearchAnswer).offers
    require(0 < len(found) <= asked.limit, f"at most {asked.limit} offers were wanted and {len(found)} were found")
    for one in found:
        require(type(one.service) is type(service), "an offer is of another kind of service")
        require(not isinstance(one.service, Visit) or bool(one.service.lounge_id), "an offer names no lounge")
        require(one.price.currency == asked.currency, f"an offer is priced in {one.price.currency}")


async def status_grant(bench: Bench) -> None:
    """A tier is granted once for each key; another content under a known key, and a stranger, are refused."""
    account = _account(bench)
    if not bench.settings.tier:
        raise UnprovenError("start with --tier, one that you grant")
    today = bench.clock.now().date()
    grant = StatusGrant(
        key=bench.key("grant"),
        account=account,
        programme="kit",
        tier=bench.settings.tier,
        provenance="matched",
        valid_from_date=today,
        valid_until_date=today + timedelta(days=30),
    )
    first = read(await offered(bench, calls.grant_status(grant)), wire.Grant)
    echo = (first.key, first.account, first.tier, first.valid_until_date)
    require(echo == (grant.key, account, grant.tier, grant.valid_until_date), f"the grant tells {echo}")
    again = read(await offered(bench, calls.grant_status(grant)), wire.Grant)
    require(again == first, "the repeat is another grant")
    other = msgspec.structs.replace(grant, valid_until_date=today + timedelta(days=60))
    require_refusal(await bench.call(calls.grant_status(other)), 409, "key_reused", grant.key)
    nobody = msgspec.structs.replace(grant, key=bench.key("nobody"), account=NO_ACCOUNT)
    require_refusal(await bench.call(calls.grant_status(nobody)), 404, "unknown_account", nobody.key)


async def voucher(bench: Bench) -> None:
    """What is reserved has a voucher of its own; what was never reserved, and what was fenced, has none."""
    request, reservation = await bench.reserved("voucher")
    told = read(await offered(bench, calls.voucher(request.key)), wire.Voucher)
    echo = (told.key, told.reference)
    require(echo == (request.key, reservation.reference), f"the voucher is of {echo}")
    require(bool(told.code), "the voucher's code is empty")
    await bench.call(calls.fence(request.key))
    for key in (request.key, bench.key("unseen")):
        require_refusal(await bench.call(calls.voucher(key)), 404, "not_found", key)


async def points_reversal(bench: Bench) -> None:
    """Credited points are taken back in parts, each reversal once, and never more than were credited."""
    account = _account(bench)
    request, reservation = await bench.reserved("points", Mileage(account=account, quantity=30))
    part = PointsReversal(
        key=bench.key("back"), original=request, partner_reference=reservation.reference or "", quantity=10
    )
    for _ in range(2):
        told = read(await offered(bench, calls.reverse(part)), wire.Reversal)
        echo = (told.key, told.reversal, told.quantity, told.reversed)
        require(echo == (request.key, part.key, 10, 10), f"a reversal of 10 tells {echo}")
    other = msgspec.structs.replace(part, quantity=11)
    require_refusal(await bench.call(calls.reverse(other)), 409, "key_reused", request.key)
    more = msgspec.structs.replace(part, key=bench.key("more"), quantity=21)
    require_refusal(await bench.call(calls.reverse(more)), 409, "more_than_original", request.key)


async def offered(bench: Bench, call: PartnerCall) -> PartnerAnswer:
    """Make a call that the partner may have chosen not to serve.

    Raises:
        UnprovenError: it does not serve it, and says so as the contract has it.
        FailedError: it answers something else than a success.
    """
    answer = await bench.call(call)
    if answer.status == 501:
        require_refusal(answer, 501, NOT_OFFERED, None)
        raise UnprovenError("this server has chosen not to serve it")
    require(answer.status in (200, 201), f"{call.operation} was answered with {answer.status}")
    return answer


def _account(bench: Bench) -> str:
    if not bench.settings.account:
        raise UnprovenError("start with --account, a member's account of yours")
    return bench.settings.account
