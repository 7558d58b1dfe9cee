"""Headers that authentication adds to a call. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from adapters.sdk.calls import PartnerCall


def with_headers(call: PartnerCall, headers: Mapping[str, str]) -> PartnerCall:
    """Give the call with further headers."""
    return msgspec.structs.replace(call, headers={**call.headers, **headers})
