"""Rental cars by Duffel Cars v2: search, quote, booking, and cancelling by the booking's id. See ``README.md``."""

from __future__ import annotations

from adapters.rental_cars.duffel_cars.adapter import DuffelCarsAdapter
from adapters.rental_cars.duffel_cars.options import DuffelOptions
from adapters.sdk.context import AdapterContext
from adapters.sdk.options import typed_options, within_deadline


def create(context: AdapterContext) -> DuffelCarsAdapter:
    """Make the adapter for one partner file.

    Raises:
        ConfigurationError: the file's ``[options]`` are not valid.
    """
    options = typed_options(context.partner, context.options, DuffelOptions)
    return DuffelCarsAdapter(context, within_deadline(options, context.manifest.limits))
