"""Airport valets: a driver meets the member with a car. An adapter that is installed beside the gateway."""

from adapters.sdk.context import AdapterContext
from valet_adapter.adapter import ValetAdapter

__all__ = ["create"]


def create(context: AdapterContext) -> ValetAdapter:
    """Make the adapter of one partner."""
    return ValetAdapter(context)
