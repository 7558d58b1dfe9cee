"""The contractual statement of a partner that publishes none: fetched from where the contract lays it, and read."""

from __future__ import annotations

from datetime import date

from adapters.sdk.answers import readable
from adapters.sdk.calls import PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.errors import ProtocolError, StatementError
from adapters.sdk.records import StatementFile
from adapters.sdk.statement_file import parse_statement, statement_name

FILE_CAP_BYTES = 64 * 1024 * 1024
FETCH_DEADLINE_SECONDS = 60.0


async def fetch_contractual(
    client: PartnerClient, partner: str, path: str, business_date: date
) -> tuple[str, bytes] | None:
    """Fetch a day's file as (name, content); None while it is not there (404) or when files arrive another way.

    Args:
        client: the partner's.
        partner: id, for the file's name.
        path: with ``{date}``; empty when files arrive another way.
        business_date: by the partner's cut-off.

    Raises:
        PartnerError: neither a file nor 404 came back.
    """
    if not path:
        return None
    call = PartnerCall(
        operation="statement",
        method="GET",
        path=path.replace("{date}", business_date.isoformat()),
        headers={"Accept": "text/csv"},
        deadline_seconds=FETCH_DEADLINE_SECONDS,
        body_cap_bytes=FILE_CAP_BYTES,
    )
    answer = readable(await client.call(call))
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise ProtocolError("The statement's place answered otherwise than agreed.", status=answer.status)
    return statement_name(partner, business_date, 1), answer.body


def read_contractual(partner: str, name: str, content: bytes) -> StatementFile:
    """Read a file in the contractual format.

    Raises:
        StatementError: a structural fault, or the file of another partner.
    """
    found = parse_statement(name, content)
    if found.partner != partner:
        raise StatementError(f"{name}: the statement is of {found.partner!r}, not of {partner!r}.")
    return found
