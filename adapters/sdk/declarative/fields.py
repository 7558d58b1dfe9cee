"""The fields that a mapping may name: a closed set, taken from the canonical records. Pure."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from adapters.sdk.currencies import decimal_text
from adapters.sdk.records import (
    Mileage,
    OfferRequest,
    Rental,
    ReservationRequest,
    Ride,
    Service,
    Stay,
    Traveller,
    Visit,
)

Kind = Literal["text", "integer", "date", "instant"]
Value = str | int | date | datetime | None
ServiceKind = Literal["stay", "rental", "visit", "ride", "mileage"]

SERVICES: dict[str, type[msgspec.Struct]] = {
    "stay": Stay, "rental": Rental, "visit": Visit, "ride": Ride, "mileage": Mileage,
}  # fmt: skip
PERSONAL = {"service.driver_birth_date": "birth_date", "partner_account": "partner_account"} | {
    f"traveller.{name}": name for name in Traveller.__struct_fields__
}
"""Field to the personal field that the manifest has to declare for it."""

_KINDS: dict[type, Kind] = {str: "text", int: "integer", date: "date", datetime: "instant"}


class Known(msgspec.Struct, frozen=True):
    """A field that may be named: what it holds, and whether it may be empty."""

    kind: Kind
    may_be_empty: bool = False


def offer_fields(service: str, options: Mapping[str, str]) -> dict[str, Known]:
    """Name the fields of a request for offers."""
    return {
        "currency": Known("text"),
        "partner_tier": Known("text", may_be_empty=True),
        "partner_account": Known("text", may_be_empty=True),
        **_common(service, options),
    }


def usage_fields(options: Mapping[str, str]) -> dict[str, Known]:
    """Name the fields of a request for uses."""
    own = {"partner_account": Known("text"), "from_date": Known("date"), "to_date": Known("date")}
    return own | {"partner": Known("text")} | {f"option.{name}": Known("text") for name in options}


def reservation_fields(service: str, options: Mapping[str, str], carried: frozenset[str]) -> dict[str, Known]:
    """Name the fields of a reservation's steps, look-ups and cancels; ``carried``: what earlier steps left behind."""
    return {
        "key": Known("text"),
        "offer_token": Known("text"),
        "requested_at": Known("instant"),
        "price.amount": Known("text", may_be_empty=True),
        "price.minor_units": Known("integer", may_be_empty=True),
        "price.currency": Known("text", may_be_empty=True),
        **{f"traveller.{name}": Known("text", may_be_empty=True) for name in Traveller.__struct_fields__},
        **{f"carried.{name}": Known("text", may_be_empty=True) for name in sorted(carried)},
        **_common(service, options),
    }


def service_fields(service: str) -> dict[str, Known]:
    """Name the fields of one kind of service, without those worked out."""
    hints = typing.get_type_hints(SERVICES[service])
    return {name: _known(hint) for name, hint in hints.items() if name in SERVICES[service].__struct_fields__}


def offer_values(request: OfferRequest, options: Mapping[str, str], partner: str) -> dict[str, Value]:
    """Give the values of a request for offers."""
    return {
        "currency": request.currency,
        "partner_tier": request.partner_tier,
        "partner_account": request.partner_account,
        **_common_values(request.service, options, partner),
    }


def reservation_values(request: ReservationRequest, options: Mapping[str, str], partner: str) -> dict[str, Value]:
    """Give the values of a reservation."""
    price = request.price
    return {
        "key": request.key,
        "offer_token": request.offer_token,
        "requested_at": request.requested_at,
        "price.amount": decimal_text(price.amount, price.currency) if price else None,
        "price.minor_units": price.amount if price else None,
        "price.currency": price.currency if price else None,
        **{f"traveller.{name}": getattr(request.traveller, name) for name in Traveller.__struct_fields__},
        **{f"carried.{name}": text for name, text in request.carried.items()},
        **_common_values(request.service, options, partner),
    }


def usage_values(
    account: str, from_date: date, to_date: date, options: Mapping[str, str], partner: str
) -> dict[str, Value]:
    """Give the values of a request for uses."""
    own: dict[str, Value] = {"partner_account": account, "from_date": from_date, "to_date": to_date}
    return own | {"partner": partner} | {f"option.{name}": text for name, text in options.items()}


def is_of(service: Service, kind: str) -> bool:
    """Say whether a service is of the kind that a mapping is for."""
    return isinstance(service, SERVICES[kind])


def _common(service: str, options: Mapping[str, str]) -> dict[str, Known]:
    found = {f"service.{name}": known for name, known in service_fields(service).items()}
    if service == "visit":
        found["service.visitors"] = Known("integer")
    if service == "stay":
        found["service.nights"] = Known("integer")
    return found | {"partner": Known("text")} | {f"option.{name}": Known("text") for name in options}


def _common_values(service: Service, options: Mapping[str, str], partner: str) -> dict[str, Value]:
    found: dict[str, Value] = {f"service.{name}": getattr(service, name) for name in service.__struct_fields__}
    if isinstance(service, Visit):
        found["service.visitors"] = 1 + service.guests
    if isinstance(service, Stay):
        found["service.nights"] = (service.check_out_date - service.check_in_date).days
    return found | {"partner": partner} | {f"option.{name}": text for name, text in options.items()}


def _known(hint: Any) -> Known:
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    (kind,) = [_KINDS[part] for part in parts if part is not type(None)]
    return Known(kind, may_be_empty=type(None) in parts)
