"""Partners that speak the gateway's own contract, in any segment (profile A)."""

from adapters.direct.adapter import DirectAdapter
from adapters.sdk.context import AdapterContext

__all__ = ["create"]


def create(context: AdapterContext) -> DirectAdapter:
    """Make the adapter of one partner."""
    return DirectAdapter(context)
