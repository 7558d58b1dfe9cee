"""The endpoints of the development issuer; with an outside issuer they answer 404."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.status_codes import HTTP_200_OK

from config.errors import NotFoundError
from gateway.edge import Edge
from gateway.middleware.authentication import NONE
from gateway.oauth.server import MEMBER_GRANT, TokenRequest

_REASON = "a client authenticates in the request itself, or the document is public"


class OAuthController(Controller):
    """Token endpoint, key set and metadata (RFC 6749, RFC 7517, RFC 8414)."""

    tags = ("oauth",)
    opt = {"scope": NONE, "reason": _REASON}  # noqa: RUF012

    @post(
        "/oauth/token",
        status_code=HTTP_200_OK,
        request_max_body_size=8_192,
        include_in_schema=False,
    )
    async def create_token(self, request: Request[Any, Any, Any], edge: NamedDependency[Edge]) -> Response[Any]:
        """Issue an access token to a client, by RFC 6749; errors have that standard's form."""
        if edge.token_server is None:
            raise NotFoundError("Tokens come from another issuer.")
        body = await request.body()
        answer = edge.token_server.answer(TokenRequest(request.headers, body))
        return Response(answer.document, status_code=answer.status, headers=_plain(answer.headers))

    @get("/oauth/jwks.json")
    async def get_key_set(self, edge: NamedDependency[Edge]) -> dict[str, Any]:
        """Give the public keys that tokens are verified with."""
        if edge.issuer is None:
            raise NotFoundError("Tokens come from another issuer.")
        return edge.issuer.key_set()

    @get("/.well-known/oauth-authorization-server")
    async def get_metadata(self, edge: NamedDependency[Edge]) -> dict[str, Any]:
        """Describe the issuer (RFC 8414)."""
        if edge.issuer is None:
            raise NotFoundError("Tokens come from another issuer.")
        settings = edge.gateway.settings
        return {
            "issuer": settings.oauth.issuer,
            "token_endpoint": f"{settings.http.public_url}/oauth/token",
            "jwks_uri": f"{settings.http.public_url}/oauth/jwks.json",
            "grant_types_supported": ["client_credentials", MEMBER_GRANT],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "response_types_supported": [],
        }


def _plain(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "content-type"}
