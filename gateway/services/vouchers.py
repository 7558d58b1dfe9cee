"""A partner's desk verifies, consumes and takes back; a partner sees only its own vouchers. What ended is marked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from catalogue import voucher_store
from catalogue.errors import VoucherRefusedError
from gateway.redemption import reversal_store
from gateway.schemas.vouchers import ConsumeBody, VoucherAnswer
from gateway.services.cancellations import refuse_while_cancelling

EXPIRY_BATCH = 500


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


def unconsume(connection: Connection, *, partner: str, code: str, now: datetime) -> VoucherAnswer:
    """Take a consumption back within the minutes that the benefit's terms allow, unless the visit is being undone.

    Raises:
        VoucherRefusedError: with the reason.
    """
    used = voucher_store.voucher_at_desk(connection, partner, code)
    refuse_while_cancelling(connection, used.redemption_id)
    if reversal_store.standing(connection, used.redemption_id) is not None:
        raise VoucherRefusedError("The visit was undone.", reason="void")
    return _present(voucher_store.unconsume_voucher(connection, partner, code, now))


def expire(connection: Connection, *, now: datetime) -> int:
    """Mark every voucher that ended unused; answers how many. Running it again changes nothing more."""
    total = 0
    while True:
        expired = voucher_store.expire_vouchers(connection, now, EXPIRY_BATCH)
        total += expired
        if expired < EXPIRY_BATCH:
            return total


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
