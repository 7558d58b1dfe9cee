"""Tier matches with partner programmes."""

from __future__ import annotations

from functools import partial

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_201_CREATED, HTTP_202_ACCEPTED
from sqlalchemy import Connection

from gateway.controllers.answers import keyed_response, stored
from gateway.controllers.me import AcceptLanguage
from gateway.idempotency import Answer, IdempotencyKeys, keyed_request
from gateway.languages import chosen_locale
from gateway.oauth.principal import Principal
from gateway.schemas.benefits import StatusList, TierMatchAnswer, TierMatchBody, TierMatchOffers
from gateway.services import tier_matches
from gateway.services.partner_members import ask_status
from gateway.wiring import Gateway


class TierMatchesController(Controller):
    """Offers, matches and the statuses they led to."""

    path = "/v1/tier-matches"
    tags = ("member",)
    opt = {"scope": "tiers:write"}  # noqa: RUF012

    @get("/offers")
    async def list_tier_match_offers(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        accept_language: AcceptLanguage = None,
    ) -> TierMatchOffers:
        """List the matches the member can have now, each with its explanation."""
        operation = partial(
            tier_matches.list_offers,
            catalogue=gateway.catalogue,
            member_id=principal.member_id,
            locale=chosen_locale(accept_language),
            now=gateway.clock.now(),
        )
        return await gateway.database.read(operation)

    @get()
    async def list_statuses(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        accept_language: AcceptLanguage = None,
    ) -> StatusList:
        """List every status the member holds or held, with where it came from, and every challenge."""
        operation = partial(
            tier_matches.list_statuses,
            catalogue=gateway.catalogue,
            member_id=principal.member_id,
            locale=chosen_locale(accept_language),
        )
        return await gateway.database.read(operation)

    @post(status_code=HTTP_201_CREATED, opt={"idempotent": True, "also_success": (HTTP_202_ACCEPTED,)})
    async def create_tier_match(
        self,
        data: JSONBody[TierMatchBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        accept_language: AcceptLanguage = None,
    ) -> Response[TierMatchAnswer]:
        """Match a status: 201 when granted, 202 while a person looks at it; a refusal explains the path to it."""
        new_id = gateway.identifiers.new("tier_match")
        locale = chosen_locale(accept_language)
        reported = await ask_status(gateway, principal.member_id, data.partner) if data.from_partner else None

        def work(connection: Connection) -> Answer:
            answer = tier_matches.match(
                connection,
                gateway.catalogue,
                member_id=principal.member_id,
                body=data,
                new_id=new_id,
                locale=locale,
                now=gateway.clock.now(),
                reported=reported,
            )
            return stored(answer, HTTP_201_CREATED if answer.state == "granted" else HTTP_202_ACCEPTED, answer.id)

        request = keyed_request(principal.caller, "create_tier_match", idempotency_key, data)
        return keyed_response(await keys.once(request, work), TierMatchAnswer)
