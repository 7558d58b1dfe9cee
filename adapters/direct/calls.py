"""The contract's requests. Pure."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

from adapters.direct import wire
from adapters.direct.mapping import reserve_body
from adapters.sdk.account_records import AccountRequest, PointsReversal, StatusGrant
from adapters.sdk.calls import PartnerCall
from adapters.sdk.codec import encode
from adapters.sdk.records import OfferRequest, OfferSearch, ReservationRequest


def offers(request: OfferRequest) -> PartnerCall:
    """Ask for offers."""
    query = wire.OffersQuery(service=request.service, currency=request.currency, tier=request.partner_tier)
    return PartnerCall(operation="quote_offers", method="POST", path="/v1/offers", body=encode(query))


def search(request: OfferSearch) -> PartnerCall:
    """Ask what there is at a place."""
    query = wire.SearchQuery(
        service=request.service, currency=request.currency, limit=request.limit, tier=request.partner_tier
    )
    return PartnerCall(operation="search_offers", method="POST", path="/v1/offers/search", body=encode(query))


def reserve(request: ReservationRequest) -> PartnerCall:
    """Reserve under our key."""
    return PartnerCall(operation="reserve", method="PUT", path=_path(request.key), body=encode(reserve_body(request)))


def look_up(key: str) -> PartnerCall:
    """Ask what became of a key."""
    return PartnerCall(operation="look_up", method="GET", path=_path(key))


def fence(key: str) -> PartnerCall:
    """Kill a key for ever."""
    return PartnerCall(operation="fence", method="POST", path=f"{_path(key)}/fence", body=b"{}")


def cancel(key: str, reference: str) -> PartnerCall:
    """Cancel what was reserved."""
    body = encode(wire.CancelBody(reference=reference))
    return PartnerCall(operation="cancel", method="POST", path=f"{_path(key)}/cancel", body=body)


def member(link: str) -> PartnerCall:
    """Ask who the member of a link is, in his name."""
    return PartnerCall(operation="read_account", method="GET", path="/v1/members/me", link=link)


def statement(business_date: date, cap_bytes: int, deadline_seconds: float) -> PartnerCall:
    """Fetch a day's statement."""
    return PartnerCall(
        operation="statement",
        method="GET",
        path=f"/v1/statements/{business_date.isoformat()}",
        headers={"Accept": "text/csv"},
        body_cap_bytes=cap_bytes,
        deadline_seconds=deadline_seconds,
    )


def voucher(key: str) -> PartnerCall:
    """Read the partner's own voucher of a reservation."""
    return PartnerCall(operation="fetch_voucher", method="GET", path=f"{_path(key)}/voucher")


def reverse(request: PointsReversal) -> PartnerCall:
    """Take back points of a mileage under the reversal's own key."""
    path = f"{_path(request.original.key)}/reversals/{quote(request.key, safe='')}"
    body = encode(wire.ReversalBody(reference=request.partner_reference, quantity=request.quantity))
    return PartnerCall(operation="reverse", method="PUT", path=path, body=body)


def validate_member(request: AccountRequest) -> PartnerCall:
    """Ask whether an account is the member's; a repeat is one more question."""
    factors = {name: factor.reveal() for name, factor in request.factors.items()}
    body = encode(wire.MemberQuery(account=request.account, factors=factors))
    return PartnerCall(operation="validate_member", method="POST", path="/v1/members/validate", body=body)


def grant_status(request: StatusGrant) -> PartnerCall:
    """Grant a tier under the grant's own key."""
    body = wire.GrantBody(
        account=request.account,
        tier=request.tier,
        provenance=request.provenance,
        valid_from_date=request.valid_from_date,
        valid_until_date=request.valid_until_date,
    )
    path = f"/v1/status-grants/{quote(request.key, safe='')}"
    return PartnerCall(operation="grant_status", method="PUT", path=path, body=encode(body))


def report_status(request: AccountRequest) -> PartnerCall:
    """Ask for the tier of an account."""
    path = f"/v1/members/{quote(request.account, safe='')}/status"
    return PartnerCall(operation="report_status", method="GET", path=path)


def _path(key: str) -> str:
    return f"/v1/reservations/{quote(key, safe='')}"
