"""Airport transfers by Amadeus: search, booking, cancelling by the order's id. See ``README.md``."""

from __future__ import annotations

from adapters.sdk.context import AdapterContext
from adapters.sdk.options import typed_options, within_deadline
from adapters.transfers.amadeus_transfers.adapter import AmadeusTransfersAdapter
from adapters.transfers.amadeus_transfers.options import TransferOptions


def create(context: AdapterContext) -> AmadeusTransfersAdapter:
    """Make the adapter for one partner file.

    Raises:
        ConfigurationError: the file's ``[options]`` are not valid.
    """
    options = typed_options(context.partner, context.options, TransferOptions)
    return AmadeusTransfersAdapter(context, within_deadline(options, context.manifest.limits))
