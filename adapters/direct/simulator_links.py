"""Where members of a simulated partner link their accounts: authorise, tokens with rotation, revoke, who the member is.

``GET /oauth/authorize`` shows a page that asks who is there; with ``member=<account>`` in the query it answers at once,
with ``deny=true`` it says no for him: magic values, for tests and demonstrations. ``values``: ``access_seconds`` and
``refresh_seconds`` (lives of tokens), ``redirect_url`` (the only one that is taken; without it any one is).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post

from adapters.direct import wire
from adapters.direct.simulator_desk import Desk, refuse
from adapters.sdk.testing.control import answer

AnyRequest = Request[Any, Any, Any]

CODE_LIFE = timedelta(seconds=60)
REPEAT_LIFE = timedelta(seconds=60)
"""How long a refresh is answered again as it was: longer than we hold a lease, so that no lost answer ends a link."""
GRANTS = ("authorization_code", "refresh_token")


class Grant(msgspec.Struct, kw_only=True):
    """What one member allowed: his family of tokens. It is one thing, and ends as one."""

    account: str
    redirect_url: str
    challenge: str
    issued_at: datetime
    used: bool = False
    revoked: bool = False
    access: dict[str, datetime] = {}
    refresh: str = ""
    spent: dict[str, tuple[datetime, dict[str, Any]]] = {}


class LinkDesk:
    """The contract's rules of linking, without HTTP."""

    def __init__(self, desk: Desk) -> None:
        """Begin without grants."""
        self._desk = desk
        values = desk.options.values
        self._access_seconds = int(values.get("access_seconds", "600"))
        self._refresh_seconds = int(values.get("refresh_seconds", str(90 * 86_400)))
        self._redirect_url = values.get("redirect_url")
        self._client_id = desk.options.credentials.get("client_id", "simulator")
        self.grants: dict[str, Grant] = {}
        self.refreshes = 0

    def complaint(self, query: Mapping[str, str]) -> str | None:
        """Say why a request to authorise is not taken; such a one is never redirected."""
        if query.get("client_id") != self._client_id:
            return "the client is not known"
        if not query.get("redirect_uri") or self._redirect_url not in (None, query["redirect_uri"]):
            return "the redirect_uri is not the one that is registered"
        if query.get("response_type") != "code" or not query.get("state"):
            return "response_type is not code, or there is no state"
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            return "PKCE with S256 is wanted"
        return None

    def authorise(self, query: Mapping[str, str], issuer: str) -> str:
        """Answer for the member that the query names: the address to send the browser back to."""
        told = {"state": query["state"], "iss": issuer}
        if query.get("deny") == "true":
            told["error"] = "access_denied"
        else:
            told["code"] = secrets.token_urlsafe(24)
            self.grants[told["code"]] = Grant(
                account=query["member"],
                redirect_url=query["redirect_uri"],
                challenge=query["code_challenge"],
                issued_at=self._desk.now(),
                access={},
                spent={},
            )
        mark = "&" if "?" in query["redirect_uri"] else "?"
        return f"{query['redirect_uri']}{mark}{urlencode(told)}"

    def token(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer the token endpoint for a client that has proved itself."""
        if form.get("grant_type") == "authorization_code":
            return self._redeem(form)
        return self._refresh(form.get("refresh_token", ""))

    def revoke(self, token: str) -> None:
        """End the grant that a token is of; what is not known is no error (RFC 7009 section 2.2)."""
        for grant in self.grants.values():
            if token == grant.refresh or token in grant.access or token in grant.spent:
                grant.revoked = True

    def member(self, authorization: str) -> wire.LinkedMember | None:
        """Say whose token it is; None when it is none that holds."""
        scheme, _, token = authorization.partition(" ")
        for grant in self.grants.values():
            ends = grant.access.get(token)
            if scheme == "Bearer" and ends is not None and self._desk.now() < ends and not grant.revoked:
                return wire.LinkedMember(account=grant.account)
        return None

    def _redeem(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        grant = self.grants.get(form.get("code", ""))
        if grant is None:
            return _invalid()
        late = self._desk.now() > grant.issued_at + CODE_LIFE
        hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proved = hmac.compare_digest(base64.urlsafe_b64encode(hashed).decode().rstrip("="), grant.challenge)
        if grant.used or late or not proved or form.get("redirect_uri") != grant.redirect_url:
            grant.used = grant.revoked = True
            return _invalid()
        grant.used = True
        return 200, self._issue(grant)

    def _refresh(self, token: str) -> tuple[int, dict[str, Any]]:
        grant = next((each for each in self.grants.values() if token in (each.refresh, *each.spent)), None)
        if grant is None or grant.revoked or not token:
            return _invalid()
        if token in grant.spent:
            spent_at, told = grant.spent[token]
            newest = told["refresh_token"] == grant.refresh
            if newest and self._desk.now() <= spent_at + REPEAT_LIFE:
                return 200, told
            grant.revoked = True
            return _invalid()
        self.refreshes += 1
        told = self._issue(grant)
        grant.spent[token] = (self._desk.now(), told)
        return 200, told

    def _issue(self, grant: Grant) -> dict[str, Any]:
        access, grant.refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
        grant.access[access] = self._desk.now() + timedelta(seconds=self._access_seconds)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self._access_seconds,
            "refresh_token": grant.refresh,
            "refresh_expires_in": self._refresh_seconds,
            "scope": "member",
        }


def handlers(links: LinkDesk) -> list[Any]:
    """Make the handlers of the contract's paths for members."""

    @get("/oauth/authorize")
    async def authorise(request: AnyRequest) -> Response[Any]:
        query = dict(request.query_params)
        complaint = links.complaint(query)
        if complaint is not None:
            return Response(_page(f"<p>{html.escape(complaint)}</p>"), status_code=400, media_type="text/html")
        if not query.get("member") and query.get("deny") != "true":
            return Response(_page(_form(query)), media_type="text/html")
        place = links.authorise(query, f"{request.base_url.scheme}://{request.base_url.netloc}")
        return Response(b"", status_code=303, headers={"Location": place, "Cache-Control": "no-store"})

    @get("/v1/members/me")
    async def member(request: AnyRequest) -> Response[bytes]:
        found = links.member(request.headers.get("authorization", ""))
        return answer(refuse("unauthenticated", None), 401) if found is None else answer(found)

    return [authorise, member]


def control_handlers(links: LinkDesk) -> list[Any]:
    """Make what tests and demonstrations do to the grants, below ``/_simulator``."""

    @post("/links/revoke")
    async def revoke_all() -> Response[bytes]:
        for grant in links.grants.values():
            grant.revoked = True
        return answer({"revoked": len(links.grants)})

    return [revoke_all]


def _invalid() -> tuple[int, dict[str, Any]]:
    return 400, {"error": "invalid_grant"}


def _page(content: str) -> str:
    head = "<!doctype html><html lang=en><meta charset=utf-8><title>Link your account</title>"
    return f"{head}<body>{content}</body></html>"


def _form(query: Mapping[str, str]) -> str:
    kept = "".join(
        f'<input type=hidden name="{html.escape(name)}" value="{html.escape(value)}">' for name, value in query.items()
    )
    return (
        f"<form><p>The club asks to know your account.</p>{kept}"
        "<label>Account <input name=member></label> <button>Allow</button> "
        "<button name=deny value=true>Refuse</button></form>"
    )
