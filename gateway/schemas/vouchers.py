"""The desk's side of a voucher."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["4C7H-9KPR-3TXW"])]


class VerifyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code as the desk typed it; case, spaces and dashes do not matter."""

    code: Code


class ConsumeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the code is used, and how many guests come beside the member."""

    code: Code
    location: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    guests: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0


class UnconsumeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code of the voucher that was consumed by mistake."""

    code: Code


class VoucherAnswer(msgspec.Struct, frozen=True):
    """What a voucher is good for. Neither member nor code are told back."""

    voucher_id: str
    redemption_id: str
    benefit_id: str
    state: str
    valid_from_at: datetime
    valid_to_at: datetime
    guests_allowed: int
    consumed_at: datetime | None
    consumed_location: str | None
    consumed_guests: int | None
