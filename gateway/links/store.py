"""Links in the database. Every function is an operation of the caller's transaction (`config.database`).

Who changes tokens says which generation he saw, so that of two only one wins.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.link_tokens import HeldTokens, LinkTokens
from catalogue import partner_accounts
from catalogue.member_lock import lock_member
from config.database import insert_new
from config.secrets import Secret
from gateway.errors import LinkRefusedError
from gateway.links.sealing import Place, Sealer
from gateway.links.tables import USABLE, partner_link_requests, partner_links
from gateway.services import care
from settlement import leases
from settlement.night_tables import leases as lease_table

REQUEST_LIFE = timedelta(minutes=10)
NOTICE = timedelta(days=14)
"""How long before its end a link is shown as expiring."""
REVOKE_AGAIN = timedelta(minutes=15)
REVOKE_ATTEMPTS = 40
"""With a wait that grows to a day: about a month; then the token is forgotten untold."""

_NOTHING: dict[str, Any] = {
    "key_version": None,
    "access_sealed": None,
    "refresh_sealed": None,
    "access_ends_at": None,
    "refresh_attempts": 0,
}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link as it stands, without its tokens."""

    id: str
    member_id: str
    partner: str
    state: str
    account_number: str | None
    generation: int
    ends_at: datetime | None
    linked_at: datetime | None
    updated_at: datetime


class Taken(msgspec.Struct, frozen=True):
    """A request that was answered: whose link it is for, and the verifier it was begun with."""

    link: Link
    verifier: Secret


def state_hash(state: str) -> str:
    """Hash a ``state`` as it is kept: who reads the table cannot answer in a member's place."""
    return hashlib.sha256(state.encode()).hexdigest()


def list_links(connection: Connection, member_id: str) -> list[Link]:
    """List a member's links by partner."""
    query = sa.select(*_shown()).where(partner_links.c.member_id == member_id).order_by(partner_links.c.partner)
    return [Link(**row._mapping) for row in connection.execute(query)]


def find_link(connection: Connection, member_id: str, partner: str) -> Link | None:
    """Find a member's link at a partner."""
    return next((link for link in list_links(connection, member_id) if link.partner == partner), None)


def get_link(connection: Connection, link_id: str) -> Link:
    """Give a link that is known to be there."""
    return Link(**connection.execute(sa.select(*_shown()).where(partner_links.c.id == link_id)).one()._mapping)


def begin(
    connection: Connection,
    sealer: Sealer,
    *,
    link_id: str,
    member_id: str,
    partner: str,
    state: str,
    verifier: Secret,
    at: datetime,
) -> None:
    """Write a request to link down, in place of an earlier one of this member at this partner.

    Args:
        connection: of a writing operation.
        sealer: for the verifier.
        link_id: for a link that is new; one that is there keeps its own.
        member_id: whose.
        partner: where.
        state: as it goes to the partner; only its hash is kept.
        verifier: of PKCE.
        at: now.

    Raises:
        NotFoundError: there is no such member.
    """
    lock_member(connection, member_id)
    row = {"id": link_id, "member_id": member_id, "partner": partner, "state": "pending", "updated_at": at}
    more = {"generation": 0, "refresh_attempts": 0, "revoke_attempts": 0, "scope": ""}
    insert_new(connection, partner_links, row | more, unique=["member_id", "partner"])
    link = find_link(connection, member_id, partner)
    assert link is not None
    connection.execute(sa.delete(partner_link_requests).where(partner_link_requests.c.link_id == link.id))
    hashed = state_hash(state)
    version, sealed = sealer.seal(_request_place(hashed), verifier)
    connection.execute(
        partner_link_requests.insert().values(
            state_hash=hashed,
            link_id=link.id,
            key_version=version,
            verifier_sealed=sealed,
            expires_at=at + REQUEST_LIFE,
        )
    )


def take_request(connection: Connection, sealer: Sealer, *, state: str, member_id: str, at: datetime) -> Taken:
    """Use a request up: it answers once, to the member who began it, within ten minutes.

    Raises:
        LinkRefusedError: there is none, it is another member's, was used, or is too old; all look alike.
    """
    hashed, table = state_hash(state), partner_link_requests
    found = connection.execute(sa.select(table).where(table.c.state_hash == hashed)).one_or_none()
    if found is None or found.expires_at <= at:
        raise _refused()
    link = get_link(connection, found.link_id)
    mine = link.member_id == member_id
    used = sa.update(table).where(table.c.state_hash == hashed, table.c.used_at.is_(None)).values(used_at=at)
    if not mine or connection.execute(used).rowcount != 1:
        raise _refused()
    return Taken(link, sealer.open(_request_place(hashed), found.key_version, found.verifier_sealed))


def keep_first(connection: Connection, sealer: Sealer, link: Link, tokens: LinkTokens, at: datetime) -> None:
    """Keep the tokens that a code gave, before anything is asked with them."""
    values = _sealed(sealer, link.id, tokens) | {"generation": link.generation + 1, "updated_at": at}
    mine = sa.and_(partner_links.c.id == link.id, partner_links.c.generation == link.generation)
    state = "pending" if link.state not in ("active", "expiring") else link.state
    changed = sa.update(partner_links).where(mine).values(state=state, revoke_due_at=None, revoke_attempts=0, **values)
    if connection.execute(changed).rowcount != 1:
        raise _refused()


def activate(connection: Connection, link_id: str, account_number: str, at: datetime) -> Link:
    """Make a link active: the member's account at the partner is the one that it is of.

    Raises:
        ConflictError: another member has this account.
        LinkRefusedError: it was ended meanwhile.
    """
    link = get_link(connection, link_id)
    lock_member(connection, link.member_id)
    usable = sa.and_(partner_links.c.id == link_id, partner_links.c.state.in_(USABLE))
    values = {"state": "active", "account_number": account_number, "linked_at": at, "updated_at": at}
    if connection.execute(sa.update(partner_links).where(usable).values(values)).rowcount != 1:
        raise _refused()
    partner_accounts.put_account(connection, link.member_id, link.partner, account_number, at, verified=True)
    care.tell(connection, link.member_id, "linked", f"linked:{link.id}:{at.isoformat()}", {"partner": link.partner}, at)
    return get_link(connection, link_id)


def end_by_member(connection: Connection, link: Link, at: datetime) -> None:
    """End a link because its member says so; what the partner gave is kept for revoking it, and for nothing else."""
    lock_member(connection, link.member_id)
    held = sa.case((partner_links.c.refresh_sealed.is_not(None), at), else_=None)
    mine = sa.and_(partner_links.c.id == link.id, partner_links.c.state != "revoked_by_member")
    values = {"state": "revoked_by_member", "access_sealed": None, "access_ends_at": None, "updated_at": at}
    connection.execute(sa.update(partner_links).where(mine).values(revoke_due_at=held, revoke_attempts=0, **values))
    connection.execute(sa.delete(partner_link_requests).where(partner_link_requests.c.link_id == link.id))
    _forget_account(connection, link)


def end_all(connection: Connection, member_id: str, at: datetime) -> None:
    """End every link of a membership that ends."""
    for link in list_links(connection, member_id):
        end_by_member(connection, link, at)


def read_refresh(connection: Connection, sealer: Sealer, link_id: str) -> tuple[int, Secret] | None:
    """Give the refresh token that is still to be revoked, with its generation; None when there is none."""
    row = connection.execute(sa.select(partner_links).where(partner_links.c.id == link_id)).one_or_none()
    if row is None or row.revoke_due_at is None or row.refresh_sealed is None:
        return None
    return row.generation, sealer.open(_place(link_id, "refresh_sealed"), row.key_version, row.refresh_sealed)


def note_revocation(connection: Connection, link_id: str, generation: int, *, revoked: bool, at: datetime) -> None:
    """Forget a token that the partner has revoked, or say when it is asked again."""
    table = partner_links
    mine = sa.and_(table.c.id == link_id, table.c.generation == generation, table.c.state == "revoked_by_member")
    attempts = connection.execute(sa.select(table.c.revoke_attempts).where(mine)).scalar_one_or_none()
    if attempts is None:
        return
    if revoked or attempts + 1 >= REVOKE_ATTEMPTS:
        connection.execute(sa.update(table).where(mine).values(**_NOTHING, revoke_due_at=None))
        return
    wait = min(REVOKE_AGAIN * 2**attempts, timedelta(days=1))
    connection.execute(sa.update(table).where(mine).values(revoke_due_at=at + wait, revoke_attempts=attempts + 1))


def due_revocations(connection: Connection, at: datetime, limit: int = 50) -> list[Link]:
    """List the links whose end a partner is still to be told, oldest first."""
    table = partner_links
    query = sa.select(*_shown()).where(table.c.revoke_due_at <= at).order_by(table.c.revoke_due_at).limit(limit)
    return [Link(**row._mapping) for row in connection.execute(query)]


def age(connection: Connection, at: datetime) -> int:
    """Move links on whose end is near or has come, and forget requests that nobody answered; how many moved."""
    table = partner_links
    old = partner_link_requests.c.expires_at <= at - REQUEST_LIFE
    connection.execute(sa.delete(partner_link_requests).where(old))
    over = sa.update(table).where(table.c.state.in_(("active", "expiring")), table.c.ends_at <= at)
    near = sa.update(table).where(table.c.state == "active", table.c.ends_at <= at + NOTICE)
    ended = connection.execute(over.values(state="re_consent", updated_at=at, **_NOTHING)).rowcount
    return ended + connection.execute(near.values(state="expiring", updated_at=at)).rowcount


def read_tokens(connection: Connection, sealer: Sealer, link_id: str) -> HeldTokens | None:
    """Give the tokens of a link that may be used.

    Raises:
        UnavailableError: they cannot be opened.
    """
    usable = sa.and_(partner_links.c.id == link_id, partner_links.c.state.in_(USABLE))
    row = connection.execute(sa.select(partner_links).where(usable)).one_or_none()
    if row is None or row.access_sealed is None:
        return None
    refresh = row.refresh_sealed
    return HeldTokens(
        generation=row.generation,
        tokens=LinkTokens(
            access_token=sealer.open(_place(link_id, "access_sealed"), row.key_version, row.access_sealed),
            access_ends_at=row.access_ends_at,
            refresh_token=sealer.open(_place(link_id, "refresh_sealed"), row.key_version, refresh) if refresh else None,
            link_ends_at=row.ends_at,
            scope=row.scope,
        ),
    )


def begin_refresh(connection: Connection, link_id: str, generation: int, holder: str, seconds: int) -> bool:
    """Take the lease, and note that this generation's refresh token is about to be sent."""
    if not leases.acquire(connection, _lease(link_id), holder, seconds):
        return False
    sent = {"refresh_attempts": partner_links.c.refresh_attempts + 1}
    if connection.execute(sa.update(partner_links).where(_seen(link_id, generation)).values(sent)).rowcount == 1:
        return True
    leases.release(connection, _lease(link_id), holder)
    return False


def replace_tokens(
    connection: Connection, sealer: Sealer, link_id: str, generation: int, tokens: LinkTokens, at: datetime
) -> bool:
    """Keep the next generation and give the lease back, whoever holds it: what it was for is done."""
    values = _sealed(sealer, link_id, tokens) | {"generation": generation + 1, "updated_at": at}
    if connection.execute(sa.update(partner_links).where(_seen(link_id, generation)).values(values)).rowcount != 1:
        _revoke_instead(connection, link_id, generation, values, at)
        return False
    connection.execute(sa.delete(lease_table).where(lease_table.c.name == _lease(link_id)))
    return True


def _revoke_instead(
    connection: Connection, link_id: str, generation: int, values: dict[str, Any], at: datetime
) -> None:
    """Keep what came for a link that its member ended meanwhile, so that it is this that is revoked."""
    table = partner_links
    ended = sa.and_(table.c.id == link_id, table.c.generation == generation, table.c.state == "revoked_by_member")
    less = {"access_sealed": None, "access_ends_at": None, "revoke_due_at": at, "revoke_attempts": 0}
    connection.execute(sa.update(table).where(ended).values(values | less))


def give_up_refresh(connection: Connection, link_id: str, holder: str, *, unanswered: bool) -> None:
    """Give the lease back; what was certainly answered, or never sent, is not counted."""
    if not unanswered:
        mine = sa.and_(partner_links.c.id == link_id, partner_links.c.refresh_attempts > 0)
        less = {"refresh_attempts": partner_links.c.refresh_attempts - 1}
        connection.execute(sa.update(partner_links).where(mine).values(less))
    leases.release(connection, _lease(link_id), holder)


def declare_dead(connection: Connection, link_id: str, generation: int, at: datetime) -> bool:
    """End a link whose refresh token the partner refuses.

    When that token was sent before without an answer that was kept, the answer may have held the next one: then
    nobody took anything back, and the member only has to consent again. His account stays known.
    """
    found = connection.execute(sa.select(partner_links).where(_seen(link_id, generation))).one_or_none()
    if found is None:
        return False
    lost = found.refresh_attempts > 1 or found.refresh_sealed is None
    state = "re_consent" if lost else "revoked_by_partner"
    ended = sa.update(partner_links).where(_seen(link_id, generation))
    connection.execute(ended.values(state=state, updated_at=at, **_NOTHING))
    connection.execute(sa.delete(lease_table).where(lease_table.c.name == _lease(link_id)))
    link = get_link(connection, link_id)
    if not lost:
        _forget_account(connection, link)
    notice = f"link_ended:{link_id}:{generation}"
    care.tell(connection, link.member_id, "link_ended", notice, {"partner": link.partner, "state": state}, at)
    return True


def _forget_account(connection: Connection, link: Link) -> None:
    if link.account_number is not None:
        partner_accounts.remove_account(connection, link.member_id, link.partner, link.account_number)


def _sealed(sealer: Sealer, link_id: str, tokens: LinkTokens) -> dict[str, Any]:
    version, access = sealer.seal(_place(link_id, "access_sealed"), tokens.access_token)
    refresh = tokens.refresh_token
    return {
        "key_version": version,
        "access_sealed": access,
        "refresh_sealed": sealer.seal(_place(link_id, "refresh_sealed"), refresh)[1] if refresh else None,
        "access_ends_at": tokens.access_ends_at,
        "ends_at": tokens.link_ends_at,
        "scope": tokens.scope[:500],
        "refresh_attempts": 0,
    }


def _seen(link_id: str, generation: int) -> sa.ColumnElement[bool]:
    table = partner_links
    return sa.and_(table.c.id == link_id, table.c.generation == generation, table.c.state.in_(USABLE))


def _shown() -> list[sa.Column[Any]]:
    return [partner_links.c[name] for name in Link.__struct_fields__]


def _place(link_id: str, column: str) -> Place:
    return Place("partner_links", column, link_id)


def _request_place(hashed: str) -> Place:
    return Place("partner_link_requests", "verifier_sealed", hashed)


def _lease(link_id: str) -> str:
    return f"partner-link:{link_id}"


def _refused() -> LinkRefusedError:
    return LinkRefusedError("This answer belongs to no link that was begun here; begin again.")
