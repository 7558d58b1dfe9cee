"""The key a partner knows a redemption by."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.manifest import KeyFacts
from gateway.redemption.keys import partner_key

REDEMPTION = "rdm_01m80ahqyx60rk4csm6mv3ee1s"


def test_the_identifier_itself_where_it_fits() -> None:
    assert partner_key(REDEMPTION, KeyFacts(field="key")) == REDEMPTION


def test_without_its_prefix_where_the_field_is_short() -> None:
    facts = KeyFacts(field="affiliate_reference_id", min_length=3, max_length=28)
    assert partner_key(REDEMPTION, facts) == REDEMPTION.removeprefix("rdm_")


@given(length=st.integers(20, 40), alphabet=st.sampled_from([string.digits + "ABCDEF", string.ascii_uppercase]))
def test_a_digest_in_the_field_s_own_alphabet(length: int, alphabet: str) -> None:
    facts = KeyFacts(field="key", min_length=length, max_length=length, alphabet=alphabet)
    key = partner_key(REDEMPTION, facts)
    assert len(key) == length
    assert set(key) <= set(alphabet)
    assert key == partner_key(REDEMPTION, facts)
    assert key != partner_key(REDEMPTION.replace("1s", "1t"), facts)


def test_a_field_that_cannot_hold_a_safe_key_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        partner_key(REDEMPTION, KeyFacts(field="key", max_length=6, alphabet=string.digits))
