"""Bodies of the simulated partner, in the partner's own words and with its oddities.

Blanks in instants, a negative refund, a partial itinerary that lists what it lacks. Source: Rapid v3 OpenAPI file, read
2026-11-22.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from adapters.hotels.expedia_rapid.simulator_book import BILLED_IN, ROOMS, Itinerary, Magic, Selection
from adapters.sdk.codec import decimal_text

LINK_LIFE = timedelta(minutes=30)
_NAMES = {room: name for room, name, _ in ROOMS}


class Token(msgspec.Struct, frozen=True):
    """What a link's token stands for; the partner's clients cannot read it and it cannot be forged."""

    purpose: str
    reference: str = ""
    selection: Selection | None = None
    expires_at: datetime | None = None


def write_token(seed: int, token: Token) -> str:
    """Write a token: content and seal, in the URL's alphabet."""
    content = base64.urlsafe_b64encode(msgspec.json.encode(token)).rstrip(b"=")
    return f"{content.decode()}.{_seal(seed, content)}"


def read_token(seed: int, text: str, purpose: str, now: datetime) -> Token | None:
    """Read a token; None when it is forged, is for something else or has ended."""
    content, _, seal = text.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(seed, content.encode()).encode()):
        return None
    try:
        padded = content + "=" * (-len(content) % 4)
        token = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=Token)
    except (binascii.Error, msgspec.MsgspecError):
        return None
    ended = token.expires_at is not None and token.expires_at <= now
    return None if ended or token.purpose != purpose else token


def _seal(seed: int, content: bytes) -> str:
    return hmac.new(f"rapid:{seed}".encode(), content, sha256).hexdigest()[:32]


def instant_text(instant: datetime) -> str:
    """Write an instant as the partner does: a blank, and an offset."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")


def link(method: str, path: str, token: str, expires_at: datetime | None = None) -> dict[str, str]:
    """Write a relative link."""
    found = {"method": method, "href": f"{path}?token={token}"}
    if expires_at is not None:
        found["expires"] = instant_text(expires_at)
    return found


def occupancy_pricing(selection: Selection) -> dict[str, Any]:
    """Write a stay's price: one amount a night, tax within, the same total billed and as asked."""
    nights = selection.nights
    shares = [selection.billed // nights + (1 if night < selection.billed % nights else 0) for night in range(nights)]
    nightly = [
        [{"type": "base_rate", "value": decimal_text(share, BILLED_IN), "currency": BILLED_IN}] for share in shares
    ]
    charge = {
        "billable_currency": {"value": decimal_text(selection.billed, BILLED_IN), "currency": BILLED_IN},
        "request_currency": {
            "value": decimal_text(selection.amount, selection.currency),
            "currency": selection.currency,
        },
    }
    return {str(selection.adults): {"nightly": nightly, "totals": {"inclusive": charge, "exclusive": charge}}}


def availability(seed: int, selections: list[tuple[Selection, int]], now: datetime) -> dict[str, Any]:
    """Write one property with its rooms; each selection comes with the number of rooms left."""
    property_id = selections[0][0].property_id
    return {
        "property_id": property_id,
        "status": "available",
        "score": 100,
        "rooms": [_room(seed, selection, left, now) for selection, left in selections],
    }


def _room(seed: int, selection: Selection, left: int, now: datetime) -> dict[str, Any]:
    expires_at = now + LINK_LIFE
    token = write_token(seed, Token("price_check", selection=selection, expires_at=expires_at))
    path = f"/v3/properties/{selection.property_id}/rooms/{selection.room_id}/rates/{selection.rate_id}"
    bed_group = {
        "id": "37310",
        "description": "1 Bed",
        "configuration": [{"type": "Bed", "size": "Queen", "quantity": 1}],
        "links": {"price_check": link("GET", path, token, expires_at)},
    }
    rate = {
        "id": selection.rate_id,
        "status": "available",
        "available_rooms": left,
        "refundable": True,
        "member_deal_available": False,
        "merchant_of_record": "expedia",
        "bed_groups": {"37310": bed_group},
        "cancel_penalties": [_penalty(selection)],
        "occupancy_pricing": occupancy_pricing(selection),
    }
    return {"id": selection.room_id, "room_name": _NAMES[selection.room_id], "rates": [rate]}


def _penalty(selection: Selection) -> dict[str, str]:
    start = datetime.combine(selection.check_in_date - timedelta(days=1), time(10, 0), UTC)
    end = datetime.combine(selection.check_in_date, time(16, 0), UTC)
    return {"currency": BILLED_IN, "start": instant_text(start), "end": instant_text(end), "percent": "100%"}


def price_check(seed: int, status: str, selection: Selection, now: datetime) -> dict[str, Any]:
    """Write a price check; a rate that is sold out has nothing but a link to search again."""
    search = write_token(seed, Token("shop", selection=selection))
    shop = link("GET", f"/v3/properties/{selection.property_id}/availability", search)
    if status == "sold_out":
        return {"status": status, "links": {"additional_rates": shop}}
    expires_at = now + LINK_LIFE
    token = write_token(seed, Token("book", selection=selection, expires_at=expires_at))
    links = {"book": link("POST", "/v3/itineraries", token, expires_at)}
    if status == "price_changed":
        links["additional_rates"] = shop
    return {"status": status, "occupancy_pricing": occupancy_pricing(selection), "links": links}


def creation(seed: int, itinerary: Itinerary) -> dict[str, Any]:
    """Write the answer to a booking: a number and where to read it; our key is not in it."""
    token = write_token(seed, Token("retrieve", reference=itinerary.itinerary_id))
    return {
        "itinerary_id": itinerary.itinerary_id,
        "links": {"retrieve": link("GET", f"/v3/itineraries/{itinerary.itinerary_id}", token)},
    }


def itinerary_body(seed: int, itinerary: Itinerary) -> dict[str, Any]:
    """Write a whole itinerary."""
    selection = itinerary.selection
    body: dict[str, Any] = {
        "itinerary_id": itinerary.itinerary_id,
        "property_id": selection.property_id,
        "affiliate_reference_id": itinerary.key,
        "email": itinerary.email,
        "phone": itinerary.phone,
        "creation_date_time": instant_text(itinerary.created_at),
        "rooms": [_booked_room(seed, itinerary)],
    }
    if selection.property_id == Magic.PARTIAL_RETRIEVE:
        del body["rooms"][0]["rate"]["cancel_refund"]
        body["impacted_fields"] = ["rooms.rate.cancel_refund"]
    return body


def stub_body(itinerary: Itinerary) -> dict[str, Any]:
    """Write an itinerary that is not readable yet: it exists, and that is all."""
    return {"itinerary_id": itinerary.itinerary_id, "creation_date_time": instant_text(itinerary.created_at)}


def _booked_room(seed: int, itinerary: Itinerary) -> dict[str, Any]:
    selection = itinerary.selection
    room: dict[str, Any] = {
        "id": itinerary.room_reference,
        "confirmation_id": {"expedia": itinerary.itinerary_id[-10:]},
        "bed_group_id": "37310",
        "checkin": selection.check_in_date.isoformat(),
        "checkout": selection.check_out_date.isoformat(),
        "number_of_adults": selection.adults,
        "given_name": itinerary.given_name,
        "family_name": itinerary.family_name,
        "status": "booked" if itinerary.cancelled_at is None else "canceled",
        "rate": {
            "id": selection.rate_id,
            "merchant_of_record": "expedia",
            "refundable": True,
            "cancel_refund": {"amount": f"-{decimal_text(selection.billed, BILLED_IN)}", "currency": BILLED_IN},
            "pricing": occupancy_pricing(selection)[str(selection.adults)],
        },
    }
    if itinerary.cancelled_at is None:
        path = f"/v3/itineraries/{itinerary.itinerary_id}/rooms/{itinerary.room_reference}"
        token = write_token(seed, Token("cancel", reference=itinerary.itinerary_id))
        room["links"] = {"cancel": link("DELETE", path, token)}
    return room


def error_body(kind: str, message: str, *nested: tuple[str, str]) -> dict[str, Any]:
    """Write an error; ``nested`` are (type, message) of what ``invalid_input`` is made of."""
    body: dict[str, Any] = {"type": kind, "message": message}
    if nested:
        body["errors"] = [{"type": one, "message": text} for one, text in nested]
    return body
