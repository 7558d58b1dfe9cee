"""``[options]`` of a partner file that names this adapter: what Rapid asks of a point of sale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.sdk.manifest import Limits
from config.errors import ConfigurationError


class RapidOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point of sale.

    ``customer_ip``: the public address that the club's front shows; Rapid requires one on every booking call.
    ``billing_given_name``, ``billing_family_name``, ``billing_country_code``: the holder of the affiliate account.
    ``country_code`` (ISO 3166-1) and ``language`` (BCP 47) of the sale; ``sales_channel`` and ``sales_environment``
    as Rapid lists them. ``rates_per_property``: 1 to 250. ``cities``: a city's code to the property ids sold there.
    ``upgrade_tiers``: the hotel programme's tiers that receive the next better room at the standard room's price.
    ``offer_seconds``: how long an offer is shown when the partner gives its link no end.
    ``reading_deadline_seconds``: for calls that change nothing; never longer than the deadline of a booking.
    ``statement_path``: where the contract lays the statement of a ``{date}``; empty when files arrive another way.
    """

    customer_ip: str
    billing_given_name: str
    billing_family_name: str
    billing_country_code: str = "CN"
    country_code: str = "CN"
    language: str = "zh-CN"
    sales_channel: str = "mobile_app"
    sales_environment: str = "loyalty"
    rates_per_property: int = 8
    cities: dict[str, tuple[str, ...]] = {}
    upgrade_tiers: tuple[str, ...] = ("gold", "platinum", "diamond")
    offer_seconds: int = 600
    reading_deadline_seconds: float = 15.0
    statement_path: str = "/contract/statements/{date}"


def read_options(partner: str, raw: Mapping[str, Any], limits: Limits) -> RapidOptions:
    """Give the options their type, within the partner's limits.

    Raises:
        ConfigurationError: a key is unknown, missing or mistyped; names the partner's file and the key.
    """
    try:
        options = msgspec.convert(dict(raw), RapidOptions)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"partners/{partner}.toml [options]: {error}.") from error
    deadline = min(options.reading_deadline_seconds, limits.deadline_seconds)
    return msgspec.structs.replace(options, reading_deadline_seconds=deadline)
