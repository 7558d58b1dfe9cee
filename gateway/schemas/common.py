"""Shapes that many resources share. Field limits are part of the contract: they appear in the OpenAPI file."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar.params import QueryParameter

from catalogue.values import Money
from gateway.pages import MAXIMUM_LIMIT

_MEMBER_EXAMPLE = "mbr_01jd3q5v8k4m6n7p8q9r0s1t2v"

Identifier = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$", max_length=64)]
"""An id of ours, or one that a caller's system made: it ends up in paths, keys and logs."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$", max_length=3, examples=["CNY"])]
MinorUnits = Annotated[int, msgspec.Meta(ge=0, le=10**15, examples=[25_000_000])]
Instant = Annotated[datetime, msgspec.Meta(tz=True, examples=["2026-11-22T08:30:00Z"])]

Limit = Annotated[int, QueryParameter(ge=1, le=MAXIMUM_LIMIT, description="Items per page.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.", max_length=600)]


class Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money in minor units: 12345 CNY is 123.45 yuan."""

    amount: MinorUnits
    currency: Currency

    @property
    def money(self) -> Money:
        """Give the domain's value."""
        return Money(self.amount, self.currency)


class Reason(msgspec.Struct, frozen=True):
    """Why something is not possible: a stable code and a sentence for the member."""

    code: str
    text: str


class UnavailablePartner(msgspec.Struct, frozen=True):
    """A partner whose part of a list is missing, and why."""

    partner: str
    code: str
