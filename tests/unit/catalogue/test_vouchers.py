"""Voucher codes and the transitions of a voucher."""

from __future__ import annotations

import pytest

from catalogue.errors import VoucherRefusedError
from catalogue.vouchers import (
    ALPHABET,
    LENGTH,
    RANDOMNESS_BYTES,
    TRANSITIONS,
    VoucherState,
    check_code,
    hash_code,
    make_code,
    normalise_code,
    read_code,
    show_code,
    sources_of,
)

CODE = make_code(bytes(range(16)))


def test_the_alphabet_leaves_out_what_is_mistaken() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 23
    for pair in ("0O", "1I", "1L", "2Z", "5S", "8B", "UV"):
        assert len(set(pair) & set(ALPHABET)) == 0, pair


def test_codes_are_made_from_the_randomness_alone() -> None:
    assert make_code(bytes(range(16))) == CODE
    assert len(CODE) == LENGTH
    assert make_code(bytes(15) + b"\x01") != make_code(bytes(16))
    with pytest.raises(ValueError, match="16 bytes"):
        make_code(bytes(RANDOMNESS_BYTES - 1))


def test_the_check_character_by_hand() -> None:
    """Zero randomness is eleven zeros: their weighted sum is 0, so the check is 1, the alphabet's second character."""
    assert make_code(bytes(16)) == "3" * 11 + "4"
    assert make_code(bytes(15) + b"\x01") == "4" + "3" * 10 + ALPHABET[(1 - pow(5, 11, 23)) % 23]


@pytest.mark.parametrize("form", ["{}", "{0}", " {} ", "\t{}\n"])
def test_typing_is_forgiven(form: str) -> None:
    typed = form.format(show_code(CODE).lower())
    assert normalise_code(typed) == CODE
    assert read_code(typed.replace("-", " – ")) == CODE


def test_full_width_typing_is_forgiven() -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in show_code(CODE))
    assert read_code(wide) == CODE


@pytest.mark.parametrize("text", ["", CODE[:-1], CODE + "3", CODE[:-1] + "0", "０" * 12, "٣" * 11 + "4"])
def test_what_is_no_code(text: str) -> None:
    assert not check_code(text)
    with pytest.raises(VoucherRefusedError) as refused:
        read_code(text)
    assert refused.value.facts["reason"] == "mistyped"


def test_showing_and_hashing() -> None:
    assert show_code("ABCDEFGHJKMN") == "ABCD-EFGH-JKMN"
    assert hash_code("333333333334") == hash_code(normalise_code("3333-3333-3334"))
    assert len(hash_code(CODE)) == 64


def test_only_an_issued_voucher_changes_and_a_consumed_one_is_taken_back() -> None:
    assert set(TRANSITIONS) == set(VoucherState)
    for state in (VoucherState.CONSUMED, VoucherState.EXPIRED, VoucherState.VOID):
        assert sources_of(state) == (VoucherState.ISSUED,)
    assert sources_of(VoucherState.ISSUED) == (VoucherState.CONSUMED,)
