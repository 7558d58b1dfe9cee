"""The partner's own voucher, shown to the member beside ours: asked for each time, kept nowhere, and never in the way.

It may name the member, as the partner writes it, so that no copy of it is made.
"""

from __future__ import annotations

import asyncio

from adapters.sdk.capabilities import IssuesVouchers
from adapters.sdk.errors import PartnerError
from adapters.sdk.records import PartnerVoucher
from config.observability import get_logger
from gateway.redemption.records import Redemption
from gateway.redemption.states import State
from gateway.wiring import Gateway

log = get_logger(__name__)

PATIENCE_SECONDS = 3.0
"""How long the member waits for it before he is shown the rest."""


class PartnerSilentError(Exception):
    """The partner gives vouchers and did not answer; the code says how."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


async def partner_voucher(gateway: Gateway, redemption: Redemption) -> PartnerVoucher | None:
    """Ask for the partner's voucher of what was captured; None where there is none. Never within a transaction.

    Raises:
        PartnerSilentError: no trustworthy answer in time.
    """
    connected = gateway.partners.get(redemption.partner)
    if connected is None or not isinstance(connected.adapter, IssuesVouchers):
        return None
    if redemption.state is not State.CAPTURED or redemption.partner_reference is None or redemption.newer:
        return None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await connected.adapter.fetch_voucher(redemption.request(), redemption.partner_reference)
    except PartnerError as error:
        raise PartnerSilentError(error.code) from error
    except TimeoutError as error:
        raise PartnerSilentError("timeout") from error
    except Exception as error:
        log.exception("adapter.raised", partner=redemption.partner, operation="fetch_voucher")
        raise PartnerSilentError("adapter_raised") from error
