"""Hotels by Expedia Rapid v3: offers, price check, booking by our key, look-up, cancel. See ``README.md``."""

from __future__ import annotations

from adapters.hotels.expedia_rapid.adapter import RapidAdapter
from adapters.hotels.expedia_rapid.options import read_options
from adapters.sdk.context import AdapterContext


def create(context: AdapterContext) -> RapidAdapter:
    """Make the adapter for one partner file.

    Raises:
        ConfigurationError: the file's ``[options]`` are not valid.
    """
    return RapidAdapter(context, read_options(context.partner, context.options, context.manifest.limits))
