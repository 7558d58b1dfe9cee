"""Points Loyalty Commerce Platform: airline miles credited to a member's account. See ``README.md``."""

from adapters.airlines.points_lcp.adapter import PointsLcpAdapter
from adapters.sdk.context import AdapterContext

__all__ = ["create"]


def create(context: AdapterContext) -> PointsLcpAdapter:
    """Make the adapter of one partner.

    Raises:
        ConfigurationError: the partner file's options are missing or wrong.
    """
    return PointsLcpAdapter(context)
