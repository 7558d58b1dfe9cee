"""Apply the corrections among the conversion contracts that hold to what members converted before they were known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

import msgspec
from sqlalchemy import Connection

from catalogue.conversion_corrections import RefundEntry
from catalogue.model import Catalogue
from config.database import Database
from gateway.redemption import corrections, store
from gateway.redemption.states import State
from settlement.contracts import PartnerContract

PAGE = 500
"""Conversions read at a time."""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What a correction refunds to one conversion.

    ``state``: ``due`` is not in the ledger yet, ``posted`` is, ``told`` moves nothing that the ledger holds (what the
    member keeps, fees that the partner charged).
    """

    member_id: str
    partner: str
    state: str
    refund: RefundEntry


async def list_corrections(database: Database, catalogue: Catalogue) -> tuple[Correction, ...]:
    """List what the corrections refund, conversion by conversion, and whether it is posted.

    Raises:
        ConversionRefusedError: ``reason`` is ``not_comparable``; names the correction.
    """
    found: list[Correction] = []
    page = await database.read(partial(_page, catalogue=catalogue, after=""))
    while page:
        found += [one for redemption_id in page for one in await _read(database, catalogue, redemption_id)]
        page = await database.read(partial(_page, catalogue=catalogue, after=page[-1]))
    return tuple(found)


async def apply_corrections(
    database: Database, catalogue: Catalogue, contracts: Mapping[str, PartnerContract], at: datetime
) -> tuple[Correction, ...]:
    """Post what is due, each conversion in a transaction of its own, and list all as it stands then.

    Raises:
        ConversionRefusedError: as `list_corrections` says; what was posted before stays.
        ObligationError: a partner's contract does not price conversions on the day of one.
    """
    due = [one.refund.conversion_id for one in await list_corrections(database, catalogue) if one.state == "due"]
    for redemption_id in dict.fromkeys(due):
        await database.write(
            partial(_apply, catalogue=catalogue, contracts=contracts, redemption_id=redemption_id, at=at)
        )
    return await list_corrections(database, catalogue)


def _page(connection: Connection, catalogue: Catalogue, after: str) -> list[str]:
    return corrections.made_by_corrected_terms(connection, catalogue, after, PAGE)


async def _read(database: Database, catalogue: Catalogue, redemption_id: str) -> tuple[Correction, ...]:
    return await database.read(partial(_of_conversion, catalogue=catalogue, redemption_id=redemption_id))


def _of_conversion(connection: Connection, catalogue: Catalogue, redemption_id: str) -> tuple[Correction, ...]:
    redemption = store.must_get(connection, redemption_id)
    return tuple(
        Correction(
            member_id=redemption.member_id,
            partner=redemption.partner,
            state=_state(connection, refund),
            refund=refund,
        )
        for refund in corrections.refunds_of(connection, catalogue, redemption)
    )


def _state(connection: Connection, refund: RefundEntry) -> str:
    if not (refund.given_back or refund.credited):
        return "told"
    return "posted" if corrections.is_posted(connection, refund) else "due"


def _apply(
    connection: Connection,
    catalogue: Catalogue,
    contracts: Mapping[str, PartnerContract],
    redemption_id: str,
    at: datetime,
) -> None:
    store.lock(connection, redemption_id)
    redemption = store.must_get(connection, redemption_id)
    if redemption.state is not State.CAPTURED:
        return
    for refund in corrections.refunds_of(connection, catalogue, redemption):
        corrections.post(connection, contracts[redemption.partner], redemption, refund, at)
