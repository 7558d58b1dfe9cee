"""What the member allows, by partner and purpose."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from catalogue import consents, members
from config.errors import NotFoundError
from gateway.schemas.members import ConsentAnswer, ConsentBody, ConsentList


def list_consents(connection: Connection, *, member_id: str) -> ConsentList:
    """List everything the member ever consented to, newest first."""
    members.get_member(connection, member_id)
    return ConsentList([_present(consent) for consent in consents.list_consents(connection, member_id)])


def put_consent(
    connection: Connection,
    *,
    partners: Collection[str],
    member_id: str,
    partner: str,
    purpose: str,
    body: ConsentBody,
    now: datetime,
) -> ConsentAnswer:
    """Give or withdraw a consent; doing it again changes nothing.

    Raises:
        NotFoundError: no such partner or member, or nothing was ever consented to that could be withdrawn.
    """
    if partner not in partners:
        raise NotFoundError(f"There is no partner {partner!r}.")
    if body.granted:
        consents.put_consent(connection, member_id, partner, purpose, body.version, now)
    else:
        consents.withdraw_consent(connection, member_id, partner, purpose, now)
    for consent in consents.list_consents(connection, member_id):
        if (consent.partner, consent.purpose) == (partner, purpose):
            return _present(consent)
    raise NotFoundError("This was never consented to.")


def _present(consent: consents.Consent) -> ConsentAnswer:
    return ConsentAnswer(
        partner=consent.partner,
        purpose=consent.purpose,
        version=consent.version,
        granted_at=consent.granted_at,
        withdrawn_at=consent.withdrawn_at,
    )
