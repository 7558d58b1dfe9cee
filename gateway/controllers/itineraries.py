"""Itineraries: trips over several partners."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_201_CREATED, HTTP_202_ACCEPTED
from sqlalchemy import Connection

from catalogue import voucher_store
from gateway.controllers.answers import REPLAYED
from gateway.idempotency import IdempotencyKeys, keyed_request
from gateway.oauth.principal import Principal
from gateway.pages import DEFAULT_LIMIT, Cursors, cut
from gateway.schemas.common import Cursor, Limit
from gateway.schemas.redemptions import ItineraryPage, ItineraryRequest, ItineraryView
from gateway.services import itineraries
from gateway.services.itineraries import Itinerary, ItineraryState
from gateway.wiring import Gateway

ItineraryPath = Annotated[str, PathParameter(max_length=64, description="The itinerary's id (`itn_...`).")]

SUCCESS = {
    HTTP_201_CREATED: "Decided: `confirmed`, or with `best_effort` as much as could be had.",
    HTTP_202_ACCEPTED: "A leg is under way, or what was granted is being undone; points of open legs are held.",
}
EXAMPLE = {
    "quote_ids": ["qte_01m80ahqyx60rk4csm6mv3ee1s", "qte_01m80ahqyx60rk4csm6mv3ee1t"],
    "policy": "all_or_nothing",
}


class ItinerariesController(Controller):
    """``/v1/itineraries``."""

    path = "/v1/itineraries"
    tags = ("redemptions",)

    @post(
        status_code=HTTP_201_CREATED,
        opt={"scope": "redemptions:write", "idempotent": True, "success": SUCCESS, "examples": {"trip": EXAMPLE}},
    )
    async def create_itinerary(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        data: JSONBody[ItineraryRequest],
    ) -> Response[ItineraryView]:
        """Book several quotes as one trip: 201 when it is decided, 202 while a leg is under way."""
        keyed = keyed_request(principal.caller, "create_itinerary", idempotency_key, data)
        itinerary, replayed = await itineraries.book(
            gateway, keys, keyed, principal.member_id, data.quote_ids, data.policy
        )
        decided = itinerary.state in {ItineraryState.CONFIRMED, ItineraryState.PARTLY_CONFIRMED}
        return Response(
            await _view(gateway, itinerary),
            status_code=HTTP_201_CREATED if decided else HTTP_202_ACCEPTED,
            headers={REPLAYED: "true"} if replayed else {},
        )

    @get(opt={"scope": "redemptions:read"})
    async def list_itineraries(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        cursors: NamedDependency[Cursors],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> ItineraryPage:
        """List the member's itineraries, newest first."""
        purpose = f"itineraries {principal.caller}"
        before = str(cursors.open(purpose, cursor)[0]) if cursor is not None else None
        found = await itineraries.list_of_member(gateway, principal.member_id, before, limit + 1)
        items, following = cut(found, limit, lambda one: (one.id,), partial(cursors.seal, purpose))
        return ItineraryPage(tuple([await _view(gateway, one) for one in items]), following)

    @get("/{itinerary_id:str}", opt={"scope": "redemptions:read"})
    async def get_itinerary(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        itinerary_id: ItineraryPath,
    ) -> ItineraryView:
        """Show one itinerary."""
        return await _view(gateway, await itineraries.of_member(gateway, principal.member_id, itinerary_id))

    @post(
        "/{itinerary_id:str}/cancel",
        status_code=HTTP_202_ACCEPTED,
        opt={"scope": "redemptions:write", "idempotent": True},
    )
    async def cancel_itinerary(
        self,
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
        itinerary_id: ItineraryPath,
    ) -> Response[ItineraryView]:
        """Cancel every leg that its own benefit lets go; the answer shows how far that has come."""
        keyed = keyed_request(principal.caller, "cancel_itinerary", idempotency_key, itinerary_id)
        itinerary, replayed = await itineraries.cancel(gateway, keys, keyed, principal.member_id, itinerary_id)
        return Response(await _view(gateway, itinerary), headers={REPLAYED: "true"} if replayed else {})


async def _view(gateway: Gateway, itinerary: Itinerary) -> ItineraryView:
    def read(connection: Connection) -> dict[str, voucher_store.Voucher]:
        found = ((leg.id, voucher_store.voucher_of(connection, leg.id)) for leg in itinerary.legs)
        return {redemption_id: voucher for redemption_id, voucher in found if voucher is not None}

    return ItineraryView.of(itinerary, await gateway.database.read(read))
