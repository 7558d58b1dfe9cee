"""Partners that are switched off, or not trusted with repeats any more: persisted, the same for every process.

A partner that is switched off gets no new quote and no new redemption; what is undecided or captured there is finished.
A partner that granted twice under one key is *distrusted*: whatever its manifest says, nothing is sent to it again
after a lost answer, until somebody says that it was mended.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import insert_new
from config.errors import ConflictError, RuleError
from config.observability import get_logger
from config.prepared import Prepared
from gateway.errors import PartnerDisabledError
from gateway.operations.tables import partner_changes, partner_switches
from gateway.redemption.tables import outbox

log = get_logger(__name__)

Change = Literal["disabled", "enabled", "distrusted", "trusted"]
LEAST_REASON = 5
"""Characters of a reason, blanks around them not counted."""

_COLUMN: dict[Change, tuple[str, bool]] = {
    "disabled": ("disabled", True),
    "enabled": ("disabled", False),
    "distrusted": ("distrusted", True),
    "trusted": ("distrusted", False),
}


class LastChange(msgspec.Struct, frozen=True):
    """The newest change of a partner's switches."""

    change: Change
    reason: str
    changed_by: str
    changed_at: datetime


class Switch(msgspec.Struct, frozen=True):
    """How a partner is switched now, and the newest change, if there was any."""

    disabled: bool = False
    distrusted: bool = False
    last_change: LastChange | None = None


_SWITCH = Prepared(
    sa.select(partner_switches.c.disabled, partner_switches.c.distrusted).where(
        partner_switches.c.partner == sa.bindparam("of_partner")
    )
)


def read_switch(connection: Connection, partner: str) -> Switch:
    """Read how a partner is switched."""
    row = _SWITCH.row(connection, of_partner=partner)
    if row is None:
        return Switch()
    columns = [partner_changes.c[name] for name in LastChange.__struct_fields__]
    newest = sa.select(*columns).where(partner_changes.c.partner == partner).order_by(partner_changes.c.number.desc())
    change = connection.execute(newest.limit(1)).one_or_none()
    return Switch(bool(row[0]), bool(row[1]), None if change is None else LastChange(*change))


def read_switches(connection: Connection) -> dict[str, Switch]:
    """Read every partner that was ever switched."""
    names = connection.execute(sa.select(partner_switches.c.partner)).scalars().all()
    return {partner: read_switch(connection, partner) for partner in names}


def require_enabled(connection: Connection, partner: str) -> None:
    """Refuse what would be new at a partner that is switched off.

    Raises:
        PartnerDisabledError: it is.
    """
    row = _SWITCH.row(connection, of_partner=partner)
    refuse_switched_off(partner, is_off=row is not None and bool(row[0]))


def refuse_switched_off(partner: str, *, is_off: bool) -> None:
    """Refuse as `require_enabled` does, when it is known how the partner is switched."""
    if is_off:
        raise PartnerDisabledError(f"{partner} is switched off; what is open there is finished.", partner=partner)


def is_distrusted(connection: Connection, partner: str) -> bool:
    """Say whether nothing may be sent to a partner a second time."""
    row = _SWITCH.row(connection, of_partner=partner)
    return row is not None and bool(row[1])


def change(connection: Connection, partner: str, what: Change, *, reason: str, by: str, at: datetime) -> Switch:
    """Switch a partner and keep who did it and why; the event of it is in the outbox.

    Raises:
        RuleError: reason or name is missing.
        ConflictError: it is switched so already.
    """
    if len(reason.strip()) < LEAST_REASON or not by.strip():
        raise RuleError(f"Say who switches the partner, and in at least {LEAST_REASON} characters why.")
    row = {"partner": partner, "disabled": False, "distrusted": False, "changes": 0}
    insert_new(connection, partner_switches, row, unique=["partner"])
    column, value = _COLUMN[what]
    mine = partner_switches.c.partner == partner
    switched = connection.execute(
        partner_switches.update()
        .where(mine, partner_switches.c[column] != value)
        .values({column: value, "changes": partner_switches.c.changes + 1})
    )
    if switched.rowcount != 1:
        raise ConflictError(f"{partner} is {what} already.", partner=partner)
    number = connection.execute(sa.select(partner_switches.c.changes).where(mine)).scalar_one()
    connection.execute(
        partner_changes.insert().values(
            partner=partner, number=number, change=what, reason=reason, changed_by=by, changed_at=at
        )
    )
    connection.execute(
        outbox.insert().values(
            id=f"evt_{sha256(partner.encode()).hexdigest()[:24]}_{number}",
            aggregate_id=f"partner:{partner}",
            seq=number,
            type=f"partner.{what}",
            payload={"partner": partner, "change": what},
            created_at=at,
        )
    )
    log.warning(f"partner.{what}", partner=partner, by=by, reason=reason)
    return read_switch(connection, partner)
