"""A partner's desk verifies and consumes vouchers; a partner sees only its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from catalogue import voucher_store
from gateway.schemas.vouchers import ConsumeBody, VoucherAnswer
from gateway.services.cancellations import refuse_while_cancelling


def verify(connection: Connection, *, partner: str, code: str, now: datetime) -> VoucherAnswer:
    """Show what a code is good for; nothing changes.

    Raises:
        VoucherRefusedError: with the reason; another partner's voucher is an unknown one.
    """
    shown = voucher_store.verify_voucher(connection, partner, code, now)
    refuse_while_cancelling(connection, shown.redemption_id, locking=False)
    return _present(shown)


def consume(connection: Connection, *, partner: str, body: ConsumeBody, now: datetime) -> VoucherAnswer:
    """Consume a voucher; of any number of attempts at once exactly one succeeds, and none while it is cancelled.

    Raises:
        VoucherRefusedError: with the reason.
    """
    shown = voucher_store.verify_voucher(connection, partner, body.code, now)
    refuse_while_cancelling(connection, shown.redemption_id)
    used = voucher_store.consume_voucher(
        connection, partner, body.code, location=body.location, guests=body.guests, at=now
    )
    return _present(used)


def _present(voucher: voucher_store.Voucher) -> VoucherAnswer:
    return VoucherAnswer(
        voucher_id=voucher.id,
        redemption_id=voucher.redemption_id,
        benefit_id=voucher.benefit_id,
        state=voucher.state.value,
        valid_from_at=voucher.valid_from_at,
        valid_to_at=voucher.valid_to_at,
        guests_allowed=voucher.guests_allowed,
        consumed_at=voucher.consumed_at,
        consumed_location=voucher.consumed_location,
        consumed_guests=voucher.consumed_guests,
    )
