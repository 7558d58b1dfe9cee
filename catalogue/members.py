"""Members in the database. Personal fields lie in a table of their own and are read only by name.

Idempotency: `upsert_member` by the programme system's own id of the member; the same call twice changes nothing more.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import consents, partner_accounts, programme_tiers, statuses, vehicles
from catalogue.eligibility import ACTIVE, MemberContext
from catalogue.eligibility_rules import Vehicle
from catalogue.programme import Programme
from catalogue.tables import member_personal, members
from config.database import insert_new
from config.errors import NotFoundError

CLOSED = "closed"


class Personal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What names or reaches a person. Stored as plain text in this version; see `tables.member_personal`."""

    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    phone: str | None = None
    birthday: str | None = None
    """Month and day, ``MM-DD``: the year is not needed and not kept."""


class MemberRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A member without personal fields. ``merged_into`` is the member who took this one's points over."""

    id: str
    external_id: str
    city: str | None
    locale: str
    state: str
    created_at: datetime
    updated_at: datetime
    referred_by: str | None = None
    merged_into: str | None = None


class MemberInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the programme's system says of a member; what it leaves out of ``personal`` is removed.

    ``vehicles``: by the club system's own reference, replacing all that were known; None leaves them as they are.
    ``referred_by`` is our id of another member; it is kept from the first time on and never changed.
    """

    external_id: str
    city: str | None = None
    locale: str = "zh-CN"
    personal: Personal = Personal()
    vehicles: dict[str, Vehicle] | None = None
    referred_by: str | None = None


def upsert_member(connection: Connection, member: MemberInput, new_id: str, at: datetime) -> MemberRecord:
    """Create a member, or bring a known one up to date; stored in the caller's one transaction.

    Args:
        connection: of a writing operation.
        member: found again by its ``external_id``.
        new_id: the identifier that a new member gets; a known member keeps his own.
        at: now.
    """
    row = {"id": new_id, "external_id": member.external_id, "city": member.city, "locale": member.locale}
    new = {"state": ACTIVE, "referred_by": member.referred_by, "created_at": at, "updated_at": at}
    if not insert_new(connection, members, row | new, unique=["external_id"]):
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


def surviving_member(connection: Connection, member_id: str) -> MemberRecord:
    """Find a member by our id, or the one that the membership was merged into; see `get_member` for the error."""
    found = get_member(connection, member_id)
    while found.merged_into is not None:
        found = get_member(connection, found.merged_into)
    return found


def members_with_birthday(connection: Connection, birthdays: tuple[str, ...], after: str, limit: int) -> list[str]:
    """List active members whose birthday (``MM-DD``) is one of these, by id, after an id."""
    query = (
        sa.select(members.c.id)
        .join(member_personal, member_personal.c.member_id == members.c.id)
        .where(member_personal.c.birthday.in_(birthdays), members.c.state == ACTIVE, members.c.id > after)
        .order_by(members.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def closed_members(connection: Connection, after: str, limit: int) -> list[MemberRecord]:
    """List memberships that have ended, by id, after an id."""
    query = sa.select(members).where(members.c.state == CLOSED, members.c.id > after)
    rows = connection.execute(query.order_by(members.c.id).limit(limit))
    return [MemberRecord(**row._mapping) for row in rows]


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
        tier=programme_tiers.best_tier(programme, held, on_date),
        state=member.state,
        locale=member.locale,
        city=member.city,
        statuses=held,
        consents=consents.live_consents(connection, member_id),
        partner_accounts=partner_accounts.get_accounts(connection, member_id),
        vehicles=tuple(vehicles.get_vehicles(connection, member_id).values()),
    )


def end_membership(connection: Connection, member_id: str, merged_into: str | None, at: datetime) -> None:
    """Close a membership; with ``merged_into`` its points have gone to that member. The caller holds the lock."""
    changes = {"state": CLOSED, "merged_into": merged_into, "updated_at": at}
    connection.execute(sa.update(members).where(members.c.id == member_id).values(changes))


def _put_personal(connection: Connection, member_id: str, personal: Personal, at: datetime) -> None:
    fields = msgspec.structs.asdict(personal) | {"updated_at": at}
    if not insert_new(connection, member_personal, {"member_id": member_id} | fields, unique=["member_id"]):
        mine = member_personal.c.member_id == member_id
        before = connection.execute(sa.select(member_personal.c.email).where(mine)).scalar_one()
        if before != personal.email:
            fields["email_changed_at"] = at
        connection.execute(sa.update(member_personal).where(mine).values(fields))


def _one(connection: Connection, condition: sa.ColumnElement[bool]) -> MemberRecord:
    row = connection.execute(sa.select(members).where(condition)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such member.")
    return MemberRecord(**row._mapping)
