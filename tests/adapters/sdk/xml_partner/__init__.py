"""A car rental company that speaks XML: availability, reservation, retrieval and cancellation as message pairs.

An example of the SDK's XML path, after the OpenTravel Alliance's rental-car messages (OTA_VehAvailRateRQ/RS,
OTA_VehResRQ/RS, OTA_VehRetResRQ/RS, OTA_VehCancelRQ/RS; opentravel.org, 2003/05 namespace, 2015B message suite, looked
up 2026-11-28): a small subset of the elements, chosen and worded here. ``EchoToken`` carries our key; what the company
does with a repeated one (answers the first booking again) is this example's own rule.
"""

from adapters.sdk.context import AdapterContext
from tests.adapters.sdk.xml_partner.adapter import RentalAdapter

__all__ = ["create"]


def create(context: AdapterContext) -> RentalAdapter:
    """Make the adapter."""
    return RentalAdapter(context)
