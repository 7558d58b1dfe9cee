"""The picture of a voucher holds its code, and is drawn of none that cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import msgspec
import pytest

from catalogue.voucher_store import Voucher
from catalogue.vouchers import RANDOMNESS_BYTES, VoucherState, make_code
from config.errors import ConflictError
from gateway.services.voucher_pictures import PictureFormat, draw
from tests.support import qr

AT = datetime(2026, 11, 22, tzinfo=UTC)
VOUCHER = Voucher(
    id="vch_1",
    redemption_id="rdm_1",
    member_id="mbr_1",
    partner="any",
    benefit_id="any",
    benefit_version=1,
    code=make_code(bytes(RANDOMNESS_BYTES)),
    valid_from_at=AT,
    valid_to_at=AT + timedelta(days=1),
    state=VoucherState.ISSUED,
    version=1,
    issued_at=AT,
)


@pytest.mark.parametrize("seed", range(12))
def test_a_scanner_reads_the_code_from_the_picture(seed: int) -> None:
    code = make_code(bytes([seed * 21] * RANDOMNESS_BYTES))
    modules = qr.modules_of_png(draw(msgspec.structs.replace(VOUCHER, code=code), PictureFormat.PNG))
    assert qr.read(modules) == code
    assert qr.error_level(modules) == "Q"


def test_the_vector_picture_is_as_large_and_names_nothing() -> None:
    picture = draw(VOUCHER, PictureFormat.SVG)
    root = ElementTree.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("width") == root.get("height") == str((qr.SIZE + 2 * qr.BORDER) * 8)
    assert VOUCHER.code.encode() not in picture
    assert b"script" not in picture


@pytest.mark.parametrize("state", [VoucherState.CONSUMED, VoucherState.EXPIRED, VoucherState.VOID])
def test_what_cannot_be_used_is_not_drawn(state: VoucherState) -> None:
    with pytest.raises(ConflictError) as refused:
        draw(msgspec.structs.replace(VOUCHER, state=state), PictureFormat.PNG)
    assert refused.value.facts["state"] == state
