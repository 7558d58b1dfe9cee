"""From availability to offers: pure, and the only place that knows what an upgrade is."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from adapters.hotels.expedia_rapid import wire
from adapters.hotels.expedia_rapid.mapping import OfferToken, inclusive_price, read_instant, write_token
from adapters.hotels.expedia_rapid.options import RapidOptions
from adapters.sdk.records import Offer, Stay
from catalogue.values import Money


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: the stay, the currency, and the tier that the hotel programme knows the member by."""

    stay: Stay
    currency: str
    partner_tier: str | None
    options: RapidOptions
    now: datetime


class _Room(msgspec.Struct, frozen=True):
    price: Money
    offer: Offer


def offers(shop: Shop, hotels: list[wire.Property]) -> tuple[Offer, ...]:
    """Turn availability into offers, hotel by hotel in the partner's order, best first within each.

    Each room is offered once, at its cheapest rate; the cheapest room is the standard one. For a tier that is upgraded
    the next dearer room comes first, with the standard room's price as its ``base_price``: the difference is what the
    upgrade costs those who bear it.

    Raises:
        ProtocolError: an amount, currency or instant cannot be trusted.
    """
    found: list[Offer] = []
    for hotel in hotels:
        rooms = sorted(_rooms(shop, hotel), key=lambda room: room.price.amount)
        found.extend(_best_first(rooms, upgraded=shop.partner_tier in shop.options.upgrade_tiers))
    return tuple(found)


def best_of_each(found: tuple[Offer, ...]) -> tuple[Offer, ...]:
    """Keep the first offer of each property: offers come hotel by hotel, best first."""
    first: dict[str | None, Offer] = {}
    for offer in found:
        assert isinstance(offer.service, Stay)
        first.setdefault(offer.service.property_id, offer)
    return tuple(first.values())


def _best_first(rooms: list[_Room], *, upgraded: bool) -> list[Offer]:
    plain = [room.offer for room in rooms]
    place = next((place for place, room in enumerate(rooms) if room.price.amount > rooms[0].price.amount), None)
    if not upgraded or place is None:
        return plain
    upgrade = msgspec.structs.replace(plain[place], base_price=rooms[0].price)
    return [upgrade, *plain[:place], *plain[place + 1 :]]


def _rooms(shop: Shop, hotel: wire.Property) -> list[_Room]:
    cheapest = []
    for room in hotel.rooms:
        offered = [found for rate in room.rates if (found := _offer(shop, hotel, room, rate)) is not None]
        if offered:
            cheapest.append(min(offered, key=lambda found: found.price.amount))
    return cheapest


def _offer(shop: Shop, hotel: wire.Property, room: wire.Room, rate: wire.Rate) -> _Room | None:
    """Offer a rate that is available, priced for the occupancy and charged to the affiliate's account; else None."""
    if rate.status != "available" or rate.merchant_of_record != "expedia":
        return None
    occupancy = str(shop.stay.adults)
    prices = inclusive_price(rate.occupancy_pricing, occupancy, shop.currency)
    bookable = _first_bookable(rate)
    if prices is None or bookable is None:
        return None
    (price, billable), (bed, link) = prices, bookable
    token = OfferToken(
        property_id=hotel.property_id,
        room_id=room.id,
        rate_id=rate.id,
        occupancy=occupancy,
        href=link.href,
        amount=price.amount,
        currency=price.currency,
        billable_amount=billable.amount if billable else None,
        billable_currency=billable.currency if billable else None,
    )
    end = shop.now + timedelta(seconds=shop.options.offer_seconds)
    offer = Offer(
        token=write_token(token),
        service=msgspec.structs.replace(shop.stay, property_id=hotel.property_id),
        title=" · ".join(part for part in (room.room_name, bed.description) if part),
        price=price,
        expires_at=read_instant(link.expires) if link.expires else end,
        refundable_until_at=_refundable_until(rate, shop.now),
    )
    return _Room(price, offer)


def _first_bookable(rate: wire.Rate) -> tuple[wire.BedGroup, wire.Link] | None:
    for bed in rate.bed_groups.values():
        if bed.links is not None and bed.links.price_check is not None:
            return bed, bed.links.price_check
    return None


def _refundable_until(rate: wire.Rate, now: datetime) -> datetime | None:
    """Find when the first penalty starts; None when it has started, or when nothing says that the rate is refunded."""
    if not rate.refundable:
        return None
    first = min((read_instant(penalty.start) for penalty in rate.cancel_penalties if penalty.start), default=None)
    return first if first is not None and first > now else None
