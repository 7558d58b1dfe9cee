"""The voucher as a QR picture for the member's app: the code alone, so that any desk's reader can type it.

Twelve characters of the alphanumeric set fit version 1 at error level Q, which bears a quarter of the picture to be
damaged; the code's own check character judges what was read. Source: ISO/IEC 18004, tables of data capacity.
"""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO

import segno

from catalogue.voucher_store import Voucher
from catalogue.vouchers import VoucherState
from config.errors import ConflictError

SCALE = 8
"""Pixels (PNG) or units (SVG) per module."""


class PictureFormat(StrEnum):
    """What a picture can be had as."""

    SVG = "svg"
    PNG = "png"

    @property
    def media_type(self) -> str:
        """The media type of the picture."""
        return {"svg": "image/svg+xml", "png": "image/png"}[self.value]


def draw(voucher: Voucher, picture: PictureFormat) -> bytes:
    """Draw the code of a voucher that can still be used.

    Raises:
        ConflictError: the voucher was used or has ended: a picture of it would mislead.
    """
    if voucher.state is not VoucherState.ISSUED:
        raise ConflictError("The voucher cannot be used any more.", state=voucher.state.value)
    code = segno.make_qr(voucher.code, error="q", mode="alphanumeric", boost_error=False)
    out = BytesIO()
    if picture is PictureFormat.SVG:
        code.save(out, kind="svg", scale=SCALE, xmldecl=False, light="#fff")
    else:
        code.save(out, kind="png", scale=SCALE, light="#fff")
    return out.getvalue()
