"""Short words for what the ledger tests do again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from settlement import ledger
from settlement.accounts import counter_account
from settlement.balances import Balance
from settlement.tables import lots

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MEMBER = "mbr_liu"


def days(count: int) -> datetime:
    """The instant so many days after `AT`."""
    return AT + timedelta(days=count)


def give(
    connection: Connection, key: str, quantity: int, expires_at: datetime | None = None, member_id: str = MEMBER
) -> bool:
    """Issue points."""
    return ledger.issue(
        connection,
        key=key,
        member_id=member_id,
        commodity="PTS",
        quantity=quantity,
        at=AT,
        expires_at=expires_at,
        reason="welcome",
        reference=key,
    )


def hold(
    connection: Connection, name: str, quantity: int, at: datetime = AT, member_id: str = MEMBER, commodity: str = "PTS"
) -> bool:
    """Hold under ``<name>:hold``."""
    held = ledger.hold(
        connection,
        key=f"{name}:hold",
        member_id=member_id,
        commodity=commodity,
        quantity=quantity,
        at=at,
        reference=name,
    )
    return held is not None


def capture(
    connection: Connection, name: str, at: datetime = AT, commodity: str = "PTS", key: str | None = None
) -> bool:
    """Capture ``<name>:hold`` under ``<name>:capture``."""
    return ledger.capture(
        connection, hold_key=f"{name}:hold", key=key or f"{name}:capture", at=at, to=counter_account(commodity)
    )


def void(connection: Connection, name: str, at: datetime = AT, key: str | None = None) -> bool:
    """Void ``<name>:hold`` under ``<name>:void``."""
    return ledger.void(connection, hold_key=f"{name}:hold", key=key or f"{name}:void", at=at)


def reverse(connection: Connection, name: str, number: int, quantity: int) -> bool:
    """Reverse a part of ``<name>:capture`` under ``<name>:reverse:<number>``."""
    return ledger.reverse(
        connection, capture_key=f"{name}:capture", key=f"{name}:reverse:{number}", quantity=quantity, at=AT
    )


def wallet(connection: Connection, member_id: str = MEMBER, commodity: str = "PTS") -> Balance:
    """The member's balance of one commodity."""
    found = {balance.commodity: balance for balance in ledger.balances(connection, member_id)}
    return found.get(commodity, Balance(commodity=commodity))


def lots_of(connection: Connection, member_id: str = MEMBER) -> dict[str, tuple[int, datetime | None]]:
    """What remains of each lot and when it expires, by the key it was issued under."""
    rows = connection.execute(sa.select(lots).where(lots.c.member_id == member_id))
    return {row.entry_key: (row.remaining, row.expires_at) for row in rows}
