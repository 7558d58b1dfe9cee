"""Partners whose unknown outcomes only people or a file can end do not start without a file and a cap."""

from __future__ import annotations

import msgspec
import pytest

from adapters.sdk.registry import discover
from config.errors import ConfigurationError
from config.files import PACKAGED_FOLDER
from config.partner_files import PartnerRisk, read_partner_files
from gateway.wiring import UNPROTECTED_PROFILES, require_risk

FILES = read_partner_files(PACKAGED_FOLDER)
PACKAGES = discover().packages
UNPROTECTED = sorted(
    name
    for name, file in FILES.items()
    if PACKAGES[file.partner.adapter].manifest.profile.value in UNPROTECTED_PROFILES
)


def test_three_bundled_partners_know_no_key_of_ours() -> None:
    profiles = {name: PACKAGES[file.partner.adapter].manifest.profile.value for name, file in FILES.items()}
    assert sorted(profiles.values()) == ["A", "C", "E", "G", "G", "G"]


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_bundled_partner_may_start(name: str) -> None:
    require_risk(FILES[name], PACKAGES[FILES[name].partner.adapter])


@pytest.mark.parametrize("name", UNPROTECTED)
@pytest.mark.parametrize(
    "risk",
    [
        None,
        PartnerRisk(points_at_risk_cap=1_000, settlement_file=False),
        PartnerRisk(points_at_risk_cap=0, settlement_file=True),
    ],
    ids=["none", "no file", "no cap"],
)
def test_without_a_file_and_a_cap_they_do_not_start(name: str, risk: PartnerRisk | None) -> None:
    file = msgspec.structs.replace(FILES[name], risk=risk)
    with pytest.raises(
        ConfigurationError, match=rf"partners/{name}\.toml.*settlement_file = true and points_at_risk_cap"
    ):
        require_risk(file, PACKAGES[file.partner.adapter])
