"""The list of benefits: how a page is found, and the short way to one that is remembered.

What the framework makes of a query and a language follows from their bytes alone. When it has read the same bytes
before, there is nothing to read: the page is answered right behind the authentication.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

from catalogue import member_facts
from catalogue.model import Catalogue
from gateway.canonical import Tagged, tagged
from gateway.controllers.answers import send_tagged
from gateway.edge import Edge
from gateway.oauth.principal import Principal
from gateway.pages import Position, cut
from gateway.schemas.benefits import BenefitAnswer, BenefitPage
from gateway.schemas.common import UnavailablePartner
from gateway.services import benefits
from gateway.services.benefit_pages import Asked, Question, RawAsked

_LIMIT_BYTES = 256
"""Queries beyond this length are read anew each time, so that what is remembered stays small."""


class RememberedList:
    """Plain ASGI around the list's handler: answers what was asked in the same words before."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the handler."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the framework read the request.

        Raises:
            GatewayError: as `find_page`.
        """
        edge: Edge = scope["litestar_app"].state.edge
        raw = raw_asked(scope)
        asked = edge.gateway.pages.read_before(raw) if raw is not None else None
        if asked is None:
            await self._app(scope, receive, send)
        else:
            await send_tagged(await find_page(edge, scope["user"], asked), send)


def raw_asked(scope: Scope) -> RawAsked | None:
    """Give the bytes that a page is asked for in; None when more than query and language counts, or they are long."""
    http: Any = scope
    language: bytes | None = None
    for name, value in http["headers"]:
        if name == b"if-none-match" or (name == b"accept-language" and language is not None):
            return None
        if name == b"accept-language":
            language = value
    query: bytes = http["query_string"]
    return (query, language) if len(query) + len(language or b"") <= _LIMIT_BYTES else None


async def find_page(edge: Edge, principal: Principal, asked: Asked) -> Tagged:
    """Find the page that a member asks for, as of now.

    Raises:
        ForbiddenError: the token speaks for no member.
        NotFoundError: there is no such member.
        CursorError: the cursor is not one of this list of this caller.
        DatabaseError: the member's facts cannot be read.
    """
    gateway, cursors = edge.gateway, edge.cursors
    catalogue = gateway.catalogue
    question = Question(
        facts=await gateway.pages.facts(gateway.database, catalogue, principal.member_id),
        catalogue=catalogue.version,
        today=catalogue.programme.today(gateway.clock.now()),
        partners=tuple(gateway.partners),
        asked=asked,
        caller=principal.caller,
    )
    purpose = f"benefits {principal.caller}"
    after = str(cursors.open(purpose, asked.cursor)[0]) if asked.cursor is not None else ""
    seal = partial(cursors.seal, purpose)
    return gateway.pages.answer(question, lambda: tagged(_page(catalogue, question, after, seal)))


def _page(catalogue: Catalogue, question: Question, after: str, seal: Callable[[Position], str]) -> BenefitPage:
    asked = question.asked
    found = benefits.search(
        member_facts.read(question.facts),
        catalogue,
        wanted=asked.wanted,
        locale=asked.locale,
        partners=question.partners,
        today=question.today,
    )
    rows = [row for row in found if row.id > after]
    items, following = cut(rows[: asked.limit + 1], asked.limit, _position, seal)
    return BenefitPage(items, following, _switched_off(catalogue, question))


def _position(benefit: BenefitAnswer) -> Position:
    return (benefit.id,)


def _switched_off(catalogue: Catalogue, question: Question) -> list[UnavailablePartner]:
    wanted = {benefit.partner for benefit in catalogue.benefits_on(question.today)}
    return [UnavailablePartner(partner, "disabled") for partner in sorted(wanted - set(question.partners))]
