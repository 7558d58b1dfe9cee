"""Rental cars by Duffel Cars v2: search, quote, booking, and cancelling by the booking's id. See ``README.md``."""

from __future__ import annotations

from adapters.rental_cars.duffel_cars.adapter import DuffelCarsAdapter
from adapters.rental_cars.duffel_cars.options import DuffelOptions
from adapters.sdk.context import AdapterContext
from adapters.sdk.options import typed_options


def create(context: AdapterContext) -> DuffelCarsAdapter:
    """Make the adapter for one partner file.

    Raises:
        ConfigurationError: the file's ``[options]`` are not valid.
    """
    return DuffelCarsAdapter(context, typed_options(context.partner, context.options, DuffelOptions))
