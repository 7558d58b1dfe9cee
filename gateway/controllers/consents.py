"""The member's consents and partner accounts."""

from __future__ import annotations

from functools import partial

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from gateway.controllers.paths import PartnerPath, PurposePath
from gateway.oauth.principal import Principal
from gateway.schemas.members import ConsentAnswer, ConsentBody, ConsentList, LinkBody, LinkList, PartnerLink
from gateway.services import consents, links
from gateway.wiring import Gateway


class ConsentsController(Controller):
    """Consent per partner and purpose."""

    path = "/v1/consents"
    tags = ("member",)
    opt = {"scope": "consents:write"}  # noqa: RUF012

    @get()
    async def list_consents(
        self, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
    ) -> ConsentList:
        """List what was consented to and withdrawn, newest first."""
        return await gateway.database.read(partial(consents.list_consents, member_id=principal.member_id))

    @put("/{partner:str}/{purpose:str}")
    async def put_consent(
        self,
        partner: PartnerPath,
        purpose: PurposePath,
        data: JSONBody[ConsentBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
    ) -> ConsentAnswer:
        """Give or withdraw a consent."""
        operation = partial(
            consents.put_consent,
            partners=gateway.partner_files,
            member_id=principal.member_id,
            partner=partner,
            purpose=purpose,
            body=data,
            now=gateway.clock.now(),
        )
        return await gateway.database.write(operation)


class PartnerLinksController(Controller):
    """The member's accounts in partner programmes."""

    path = "/v1/partner-links"
    tags = ("member",)
    opt = {"scope": "links:write"}  # noqa: RUF012

    @get()
    async def list_partner_links(
        self, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
    ) -> LinkList:
        """List the accounts."""
        return await gateway.database.read(partial(consents.list_links, member_id=principal.member_id))

    @put("/{partner:str}")
    async def put_partner_link(
        self,
        partner: PartnerPath,
        data: JSONBody[LinkBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
    ) -> PartnerLink:
        """Record or change the account number at a partner, which is asked first where it validates its members."""
        return await links.put_link(
            gateway,
            member_id=principal.member_id,
            partner=partner,
            account_number=data.account_number,
            factors={one.name: one.value for one in data.factors},
        )
