"""Lounges by Mastercard Airport Experience: we issue, the member shows his digital card, visits are asked for.

See ``README.md``.
"""

from __future__ import annotations

from adapters.lounges.mastercard_airport.adapter import MastercardAirportAdapter
from adapters.lounges.mastercard_airport.options import AirportOptions
from adapters.sdk.context import AdapterContext
from adapters.sdk.options import typed_options


def create(context: AdapterContext) -> MastercardAirportAdapter:
    """Make the adapter for one partner file.

    Raises:
        ConfigurationError: the file's ``[options]`` are not valid.
    """
    return MastercardAirportAdapter(context, typed_options(context.partner, context.options, AirportOptions))
