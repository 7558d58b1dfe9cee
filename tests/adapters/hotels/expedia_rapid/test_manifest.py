"""What the manifest declares, and what follows from it."""

from __future__ import annotations

import pytest

from adapters.hotels.expedia_rapid.adapter import RapidAdapter
from adapters.hotels.expedia_rapid.options import read_options
from adapters.sdk.manifest import Limits, Manifest, Profile
from adapters.sdk.registry import check_declared, discover
from config.errors import ConfigurationError
from gateway.redemption.keys import partner_key
from tests.adapters.hotels.expedia_rapid.conftest import OPTIONS


def test_the_facts_give_profile_c(manifest: Manifest) -> None:
    assert manifest.profile is Profile.C
    assert not manifest.facts.checks_key_first
    assert "fences" not in manifest.capabilities


def test_the_package_is_found_and_implements_what_it_declares(adapter: RapidAdapter) -> None:
    package = discover().packages["hotels.expedia_rapid"]
    check_declared(package, adapter)
    assert [step.name for step in adapter.steps if step.commit] == ["book"]


def test_a_redemption_fits_the_partners_key_field(manifest: Manifest) -> None:
    """Source: affiliate_reference_id takes 3 to 28 characters (Rapid v3 OpenAPI file, read 2026-11-22)."""
    key = partner_key("rdm_01jd5v0w4ze6r8t2y4u6i8o0pa", manifest.facts.key)
    assert 3 <= len(key) <= 28
    assert not set(key) & set("<>()&")


def test_a_booking_may_take_what_the_partner_recommends(manifest: Manifest) -> None:
    """90 s for a booking; after 120 s no answer comes (Rapid, Common error responses, read 2026-11-22)."""
    assert manifest.limits.deadline_seconds == 90
    assert manifest.limits.processing_seconds == 120
    assert manifest.facts.look_up_staleness_seconds == 30 * 60


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"customer_ip": None}, "customer_ip"), ({"colour": "blue"}, "colour"), ({"cities": ["SHA"]}, "cities")],
)
def test_wrong_options_stop_the_start_and_name_file_and_key(changes: dict[str, object], named: str) -> None:
    options = {name: value for name, value in {**OPTIONS, **changes}.items() if value is not None}
    with pytest.raises(ConfigurationError, match=rf"partners/expedia-rapid\.toml.*{named}"):
        read_options("expedia-rapid", options, Limits())


def test_no_reading_call_outlasts_the_partners_deadline() -> None:
    assert read_options("expedia-rapid", OPTIONS, Limits(deadline_seconds=5)).reading_deadline_seconds == 5
    assert read_options("expedia-rapid", OPTIONS, Limits(deadline_seconds=90)).reading_deadline_seconds == 15
