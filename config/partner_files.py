"""``partners/<partner>.toml``: one file per partner, each section typed by the room that uses it.

``[partner]`` and ``[environments.*]`` are typed here because everybody needs them; ``[risk]`` too.
``[contract]`` is typed by `settlement.contracts`, ``[options]`` by the adapter that the file names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from config.errors import ConfigurationError
from config.files import read_typed, toml_files


class PartnerIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the partner is and which adapter speaks to it."""

    id: str
    name: dict[str, str]
    segment: str
    adapter: str
    enabled: bool = True


class PartnerLinking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That members link their accounts here, and what of it is not at the partner's own address.

    ``issuer``: what the partner names itself in its answers; ``authorization_url``: where the member is sent.
    """

    issuer: str = ""
    authorization_url: str = ""


class PartnerEnvironment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one environment of the partner answers; credentials are secret references, see `resolve_secret`.

    ``deadline_seconds`` shortens the adapter's own deadline per call; it is never made longer.
    ``ca_file`` holds certificates (PEM) of a private authority, trusted for this partner in place of the public ones.
    ``simulator_options`` are what the partner's simulator is started with, beside address and credentials.
    """

    base_url: str
    credentials: dict[str, str] = {}
    webhook_secrets: tuple[str, ...] = ()
    desk_client: str | None = None
    deadline_seconds: float | None = None
    ca_file: str | None = None
    simulator_options: dict[str, str] = {}
    linking: PartnerLinking | None = None


class PartnerRisk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an undecided redemption may cost at most; profiles C, E and G do not start without it."""

    points_at_risk_cap: int
    settlement_file: bool


class PartnerFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One partner's file."""

    partner: PartnerIdentity
    environments: dict[str, PartnerEnvironment]
    contract: dict[str, Any]
    risk: PartnerRisk | None = None
    options: dict[str, Any] = {}


def read_partner_files(folder: Path) -> dict[str, PartnerFile]:
    """Read every partner of a configuration folder, by partner id.

    Raises:
        ConfigurationError: a file is not valid, its name is not its partner's id, or a partner would be spoken to
            without TLS (simulators on this machine may be).
    """
    found: dict[str, PartnerFile] = {}
    for path in toml_files(folder / "partners"):
        file = read_typed(path, PartnerFile)
        if file.partner.id != path.stem:
            raise ConfigurationError(f"{path}: partner.id is {file.partner.id!r} and must be the file's name.")
        for name, environment in file.environments.items():
            if name != "simulator" and not environment.base_url.startswith("https://"):
                raise ConfigurationError(f"{path}: environments.{name}.base_url must begin with https://.")
            page = environment.linking.authorization_url if environment.linking else ""
            if name != "simulator" and page and not page.startswith("https://"):
                raise ConfigurationError(f"{path}: environments.{name}.linking.authorization_url needs https://.")
        found[file.partner.id] = file
    return found
