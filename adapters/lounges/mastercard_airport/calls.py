"""The calls that this adapter makes; all of them read. Pure.

Source: the client generated in Mastercard/loyalty-airport-reference-app, read 2026-11-28.
"""

from __future__ import annotations

from datetime import date
from urllib.parse import quote as escaped

from adapters.lounges.mastercard_airport.mapping import Holder
from adapters.sdk.calls import PartnerCall

ROOT = "/loyalty/airport"


def lounges(holder: Holder, search_text: str, language: str) -> PartnerCall:
    """``GET /lounges``: by an airport's code, among others."""
    return _get("lounges", "/lounges", holder, ("search_text", search_text), ("preferred_language", language))


def lounge(holder: Holder, lounge_code: str, language: str) -> PartnerCall:
    """``GET /lounges/{lounge_code}``."""
    path = f"/lounges/{escaped(lounge_code, safe='')}"
    return _get("lounge", path, holder, ("preferred_language", language))


def card(holder: Holder) -> PartnerCall:
    """``GET /digital-membership-cards``."""
    return _get("card", "/digital-membership-cards", holder)


def entitlements(holder: Holder) -> PartnerCall:
    """``GET /entitlements``."""
    return _get("entitlements", "/entitlements", holder)


def visits(holder: Holder, from_date: date, to_date: date, language: str) -> PartnerCall:
    """``GET /visits`` of a span, both days included."""
    span = (("transaction_date_from", from_date.isoformat()), ("transaction_date_to", to_date.isoformat()))
    return _get("visits", "/visits", holder, ("preferred_language", language), *span)


def _get(operation: str, path: str, holder: Holder, *query: tuple[str, str]) -> PartnerCall:
    who = (("user_id", holder.user_id), ("pan_last_four_digits", holder.last_four))
    return PartnerCall(operation=operation, method="GET", path=ROOT + path, query=(*who, *query))
