"""Partners as the gateway holds them: the operator's file, the adapter's manifest, and the adapter itself."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.sdk.manifest import Manifest
from config.errors import NotFoundError
from config.partner_files import PartnerEnvironment, PartnerFile


@dataclass(frozen=True)
class ConnectedPartner:
    """One partner, ready to be spoken to. ``adapter`` implements the capabilities that its manifest declares."""

    file: PartnerFile
    environment: PartnerEnvironment
    manifest: Manifest
    adapter: object

    @property
    def id(self) -> str:
        """The partner's identifier."""
        return self.file.partner.id


class Partners(dict[str, ConnectedPartner]):
    """Every enabled partner by id."""

    def named(self, partner_id: str) -> ConnectedPartner:
        """Find a partner.

        Raises:
            NotFoundError: there is no such partner, or it is disabled.
        """
        if partner_id not in self:
            raise NotFoundError(f"There is no partner {partner_id!r}.")
        return self[partner_id]
