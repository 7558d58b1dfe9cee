"""The catalogue as this member sees it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import HeaderParameter, QueryParameter

from catalogue import member_facts
from gateway.canonical import tagged
from gateway.controllers.answers import tagged_response
from gateway.controllers.benefit_list import RememberedList, find_page, raw_asked
from gateway.controllers.me import AcceptLanguage
from gateway.controllers.paths import BenefitPath
from gateway.edge import edge_of
from gateway.languages import chosen_locale
from gateway.oauth.principal import Principal
from gateway.pages import DEFAULT_LIMIT
from gateway.schemas.benefits import BenefitAnswer, BenefitPage
from gateway.schemas.common import Cursor, Limit
from gateway.services import benefits
from gateway.services.benefit_pages import Asked
from gateway.services.benefits import Search
from gateway.wiring import Gateway

Vertical = Literal["hotel", "rental_car", "lounge", "flight", "transfer"]
IfNoneMatch = Annotated[
    str | None, HeaderParameter(name="If-None-Match", description="An ETag of before: 304 when nothing changed.")
]
Place = Annotated[str | None, QueryParameter(min_length=1, max_length=80)]
Airport = Annotated[str | None, QueryParameter(pattern="^[A-Z]{3}$", max_length=3, description="IATA code.")]
FromDate = Annotated[date | None, QueryParameter(name="from", description="First day of the service.")]
ToDate = Annotated[date | None, QueryParameter(name="to", description="Last day of the service.")]
Text = Annotated[str | None, QueryParameter(min_length=1, max_length=80, description="Part of title or description.")]
Include = Annotated[
    Literal["ineligible"] | None, QueryParameter(description="Show what the member may not have, with reasons.")
]


async def _wanted(
    vertical: Annotated[Vertical | None, QueryParameter()] = None,
    city: Place = None,
    airport: Airport = None,
    from_date: FromDate = None,
    to_date: ToDate = None,
    q: Text = None,
    include: Include = None,
) -> Search:
    return Search(vertical, city, airport, from_date, to_date, q, include is not None)


class BenefitsController(Controller):
    """Benefits, priced for the member."""

    path = "/v1/benefits"
    dependencies = {"wanted": Provide(_wanted)}  # noqa: RUF012
    tags = ("member",)
    opt = {"scope": "benefits:read", "not_modified": True}  # noqa: RUF012

    @get(middleware=[RememberedList])
    async def list_benefits(
        self,
        request: Request[Principal, Any, Any],
        wanted: NamedDependency[Search],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        accept_language: AcceptLanguage = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response[BenefitPage]:
        """List what this member may have, by id; reasons against are shown on `include=ineligible`."""
        edge, principal = edge_of(request), request.user  # each dependency by name costs a tenth of this answer
        asked = Asked(wanted, chosen_locale(accept_language), limit, cursor)
        page = await find_page(edge, principal, asked)
        if (raw := raw_asked(request.scope)) is not None:
            edge.gateway.pages.remember_reading(raw, asked)
        return tagged_response(page, if_none_match, BenefitPage)

    @get("/{benefit_id:str}")
    async def get_benefit(
        self,
        benefit_id: BenefitPath,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        accept_language: AcceptLanguage = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response[BenefitAnswer]:
        """Give one benefit with its terms and cancellation rule."""
        catalogue = gateway.catalogue
        facts = member_facts.read(await gateway.pages.facts(gateway.database, catalogue, principal.member_id))
        today = catalogue.programme.today(gateway.clock.now())
        locale = chosen_locale(accept_language)
        found = benefits.get_one(facts, catalogue, benefit_id=benefit_id, locale=locale, today=today)
        return tagged_response(tagged(found), if_none_match, BenefitAnswer)
