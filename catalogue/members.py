"""Members in the database. Personal fields lie in a table of their own and are read only by name.

Idempotency: `upsert_member` by the programme system's own id of the member; the same call twice changes nothing more.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import consents, partner_accounts, statuses, vehicles
from catalogue.eligibility import ACTIVE, MemberContext
from catalogue.eligibility_rules import Vehicle
from catalogue.programme import Programme
from catalogue.tables import member_personal, members
from config.database import insert_new
from config.errors import NotFoundError


class Personal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What names or reaches a person. Stored as plain text in this version; see `tables.member_personal`."""

    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    phone: str | None = None


class MemberRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A member without personal fields."""

    id: str
    external_id: str
    city: str | None
    locale: str
    state: str
    created_at: datetime
    updated_at: datetime


class MemberInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the programme's system says of a member; what it leaves out of ``personal`` is removed.

    ``vehicles``: by the club system's own reference, replacing all that were known; None leaves them as they are.
    """

    external_id: str
    city: str | None = None
    locale: str = "zh-CN"
    personal: Personal = Personal()
    vehicles: dict[str, Vehicle] | None = None


def upsert_member(connection: Connection, member: MemberInput, new_id: str, at: datetime) -> MemberRecord:
    """Create a member, or bring a known one up to date; stored in the caller's one transaction.

    Args:
        connection: of a writing operation.
        member: found again by its ``external_id``.
        new_id: the identifier that a new member gets; a known member keeps his own.
        at: now.
    """
    row = {"id": new_id, "external_id": member.external_id, "city": member.city, "locale": member.locale}
    created = insert_new(
        connection, members, row | {"state": ACTIVE, "created_at": at, "updated_at": at}, unique=["external_id"]
    )
    if not created:
        changes = {"city": member.city, "locale": member.locale, "updated_at": at}
        connection.execute(sa.update(members).where(members.c.external_id == member.external_id).values(changes))
    stored = _one(connection, members.c.external_id == member.external_id)
    _put_personal(connection, stored.id, member.personal, at)
    if member.vehicles is not None:
        vehicles.put_vehicles(connection, stored.id, member.vehicles)
    return stored


def get_member(connection: Connection, member_id: str) -> MemberRecord:
    """Find a member by our id.

    Raises:
        NotFoundError: there is none.
    """
    return _one(connection, members.c.id == member_id)


def find_member(connection: Connection, external_id: str) -> MemberRecord:
    """Find a member by the programme system's id; see `get_member` for the error."""
    return _one(connection, members.c.external_id == external_id)


def get_personal(connection: Connection, member_id: str) -> Personal:
    """Read the personal fields; whoever calls this records why in the audit trail."""
    columns = [member_personal.c[name] for name in Personal.__struct_fields__]
    row = connection.execute(sa.select(*columns).where(member_personal.c.member_id == member_id)).one_or_none()
    return Personal(**row._mapping) if row is not None else Personal()


def member_context(connection: Connection, programme: Programme, member_id: str, on_date: date) -> MemberContext:
    """Gather what the rules may know of a member on a day; nothing in it identifies a person.

    Raises:
        NotFoundError: there is no such member.
    """
    member = get_member(connection, member_id)
    held = statuses.held_statuses(connection, member_id)
    return MemberContext(
        member_id=member.id,
        tier=statuses.best_tier(programme, held, on_date),
        state=member.state,
        locale=member.locale,
        city=member.city,
        statuses=held,
        consents=consents.live_consents(connection, member_id),
        partner_accounts=partner_accounts.get_accounts(connection, member_id),
        vehicles=tuple(vehicles.get_vehicles(connection, member_id).values()),
    )


def _put_personal(connection: Connection, member_id: str, personal: Personal, at: datetime) -> None:
    fields = msgspec.structs.asdict(personal) | {"updated_at": at}
    if not insert_new(connection, member_personal, {"member_id": member_id} | fields, unique=["member_id"]):
        connection.execute(sa.update(member_personal).where(member_personal.c.member_id == member_id).values(fields))


def _one(connection: Connection, condition: sa.ColumnElement[bool]) -> MemberRecord:
    row = connection.execute(sa.select(members).where(condition)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such member.")
    return MemberRecord(**row._mapping)
