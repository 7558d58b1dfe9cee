"""Partners as the gateway holds them: the operator's file, the adapter's manifest, and the adapter itself."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.sdk.client import PartnerClient
from adapters.sdk.linking import Linking
from adapters.sdk.manifest import Manifest
from config.errors import NotFoundError
from config.partner_files import PartnerEnvironment, PartnerFile
from config.secrets import Secret
from gateway.errors import PartnerBusyError


@dataclass(frozen=True)
class ConnectedPartner:
    """One partner, ready to be spoken to. ``adapter`` implements the capabilities that its manifest declares.

    ``webhook_secrets`` are every live secret that its callbacks may be proved with; none refuses them all.
    ``client`` is what the adapter speaks through; None for one that speaks to nobody. ``linking``: members link
    their accounts there.
    """

    file: PartnerFile
    environment: PartnerEnvironment
    manifest: Manifest
    adapter: object
    webhook_secrets: tuple[Secret, ...] = ()
    client: PartnerClient | None = None
    linking: Linking | None = None

    @property
    def id(self) -> str:
        """The partner's identifier."""
        return self.file.partner.id

    def require_room(self) -> None:
        """Refuse, before anything is held, what could only wait: the bulkhead is full, or the breaker is open.

        Raises:
            PartnerBusyError: the caller may come again later.
        """
        if self.client is not None and self.client.turns_away:
            raise PartnerBusyError(f"{self.id} takes nothing at the moment.", partner=self.id)


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
