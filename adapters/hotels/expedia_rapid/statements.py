"""Fetching the contractual statement: Rapid publishes none, so the contract says where a day's file lies."""

from __future__ import annotations

from datetime import date

from adapters.hotels.expedia_rapid.options import RapidOptions
from adapters.sdk.calls import CallFailure, PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.errors import PartnerUnavailableError, ProtocolError
from adapters.sdk.statement_file import statement_name

FILE_CAP_BYTES = 64 * 1024 * 1024
FETCH_DEADLINE_SECONDS = 60.0


async def fetch(
    client: PartnerClient, partner: str, options: RapidOptions, business_date: date
) -> tuple[str, bytes] | None:
    """Fetch a day's file as (name, content); None while it is not there (404) or when files arrive another way.

    Raises:
        PartnerUnavailableError: no answer.
        ProtocolError: neither a file nor 404.
    """
    if not options.statement_path:
        return None
    answer = await client.call(
        PartnerCall(
            operation="statement",
            method="GET",
            path=options.statement_path.replace("{date}", business_date.isoformat()),
            headers={"Accept": "text/csv"},
            deadline_seconds=FETCH_DEADLINE_SECONDS,
            body_cap_bytes=FILE_CAP_BYTES,
        )
    )
    if isinstance(answer, CallFailure):
        raise PartnerUnavailableError("The statement could not be fetched.", reason=answer.reason)
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise ProtocolError("The statement's place answered otherwise than agreed.", status=answer.status)
    return statement_name(partner, business_date, 1), answer.body
