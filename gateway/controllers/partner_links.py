"""The member's accounts in partner programmes: linked at the partner, or entered where nobody links."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK

from adapters.sdk.linking import LinkAnswer
from gateway.controllers.paths import PartnerPath
from gateway.oauth.principal import Principal
from gateway.schemas.members import LinkBody, PartnerLink
from gateway.schemas.partner_links import AuthorizationAnswer, LinkView, LinkViews
from gateway.services import links, partner_links
from gateway.wiring import Gateway

_LONGEST = 2_048
State = Annotated[str, QueryParameter(name="state", max_length=200, description="As it went to the partner.")]
Code = Annotated[str | None, QueryParameter(max_length=_LONGEST, description="The partner's code; it is used once.")]
Error = Annotated[str | None, QueryParameter(max_length=200, description="Why there is no code.")]
Issuer = Annotated[str | None, QueryParameter(name="iss", max_length=_LONGEST, description="Who answered (RFC 9207).")]


class PartnerLinksController(Controller):
    """Links and accounts."""

    path = "/v1/partner-links"
    tags = ("member",)
    opt = {"scope": "links:write"}  # noqa: RUF012

    @get()
    async def list_partner_links(
        self, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
    ) -> LinkViews:
        """List the links, and the accounts that were entered."""
        return await gateway.database.read(partial(partner_links.list_links, member_id=principal.member_id))

    @post("/{partner:str}")
    async def begin_partner_link(
        self, partner: PartnerPath, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
    ) -> AuthorizationAnswer:
        """Begin to link: give the address of the partner's page. Asked again, the earlier address is void."""
        return await partner_links.begin(gateway, principal.member_id, partner)

    @get("/callback")
    async def finish_partner_link(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        begun: State,
        code: Code = None,
        error: Error = None,
        issuer: Issuer = None,
    ) -> LinkView:
        """Hand on, with the member's token, the query that his browser came back with; it counts once."""
        answer = LinkAnswer(code=code, error=error, iss=issuer)
        return await partner_links.finish(gateway, principal.member_id, begun, answer)

    @delete("/{partner:str}", status_code=HTTP_200_OK)
    async def end_partner_link(
        self, partner: PartnerPath, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
    ) -> LinkView:
        """End the link here and at the partner; ended again, it changes nothing."""
        return await partner_links.unlink(gateway, principal.member_id, partner)

    @put("/{partner:str}")
    async def put_partner_link(
        self,
        partner: PartnerPath,
        data: JSONBody[LinkBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
    ) -> PartnerLink:
        """Record or change the account number at a partner where members do not link.

        A partner that validates its members is asked first.
        """
        partner_links.require_entered(gateway, partner)
        return await links.put_link(
            gateway,
            member_id=principal.member_id,
            partner=partner,
            account_number=data.account_number,
            factors={one.name: one.value for one in data.factors},
        )
