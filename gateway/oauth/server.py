"""The token endpoint of the development issuer, on Authlib's authorisation server core.

Authlib does what RFC 6749 says about client authentication, grants, scopes and error answers. Three things are ours:
secrets are compared as hashes in constant time (its own example compares plain text), lifetimes come from the settings
(its default for client credentials is ten days), and its request is given a fixed https address, because it refuses
any http address and the development issuer listens on loopback.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidRequestError, OAuth2Request, UnauthorizedClientError
from authlib.oauth2.rfc6749.errors import InvalidScopeError
from authlib.oauth2.rfc6749.grants import BaseGrant, ClientCredentialsGrant, TokenEndpointMixin
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from catalogue.identifiers import is_identifier
from gateway.oauth.clients import Client, ClientEntry
from gateway.oauth.issuer import DevelopmentIssuer

MEMBER_GRANT = "urn:partner-benefits-gateway:grant:development-member"
"""Grant by which a trusted development client gets a token of any member; only the development issuer knows it."""

_METHODS = ["client_secret_basic", "client_secret_post"]
_ADDRESS = "https://token.invalid/oauth/token"


class TokenRequest(msgspec.Struct, frozen=True):
    """What came to the token endpoint: the headers (case-insensitive mapping) and the body as it came."""

    headers: Mapping[str, str]
    body: bytes


class TokenAnswer(msgspec.Struct, frozen=True):
    """What the endpoint answers, by RFC 6749 sections 5.1 and 5.2."""

    status: int
    document: dict[str, Any]
    headers: dict[str, str]


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, form: dict[str, str], headers: Mapping[str, str]) -> None:
        super().__init__("POST", _ADDRESS, headers=headers)
        self._form = form
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _Credentials(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS


class _Member(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    GRANT_TYPE = MEMBER_GRANT
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def validate_token_request(self) -> None:
        """Authenticate the client and read the member."""
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client may not use this grant.")
        self.request.client = client
        member = self.request.form.get("member", "")
        if not is_identifier("member", member):
            raise InvalidRequestError("Name a member: member=mbr_...")
        self.request.user = member

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        """Answer a token whose subject is the member."""
        token = self.generate_token(user=self.request.user, scope=self.request.payload.scope)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class TokenServer(AuthorizationServer):  # type: ignore[misc]
    """Answers token requests of the clients of one file."""

    def __init__(self, issuer: DevelopmentIssuer, clients: Mapping[str, ClientEntry]) -> None:
        """Register the grants and the token format."""
        super().__init__()
        self._issuer = issuer
        self._clients = clients
        self.register_grant(_Credentials)
        self.register_grant(_Member)
        self.register_token_generator("default", self._token)

    def answer(self, request: TokenRequest) -> TokenAnswer:
        """Answer one request; never raises for what the request holds."""
        answer: TokenAnswer = self.create_token_response(request)
        return answer

    def query_client(self, client_id: str) -> Client:
        """Find a client; for an unknown id one that no secret fits, so that both are refused alike."""
        return Client(client_id, self._clients.get(client_id))

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Keep nothing: a token is verified by its signature."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Tell nobody."""

    def create_oauth2_request(self, request: TokenRequest) -> OAuth2Request:
        """Read the form; a repeated parameter or bad UTF-8 leaves the form empty, which no grant takes."""
        try:
            pairs = parse_qsl(request.body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=20)
        except ValueError:
            pairs = []
        form = dict(pairs) if len(dict(pairs)) == len(pairs) else {}
        return _Request(form, request.headers if _readable_basic(request.headers) else {})

    def handle_response(self, status: int, body: dict[str, Any], headers: Any) -> TokenAnswer:
        """Wrap an answer of the core."""
        return TokenAnswer(status, body, dict(headers))

    def _token(
        self,
        grant_type: str,
        client: Client,
        user: str | None = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = False,
    ) -> dict[str, Any]:
        granted = client.get_allowed_scope(scope)
        if granted is None:
            raise InvalidScopeError()
        token = self._issuer.mint(subject=user or client.client_id, client_id=client.client_id, scope=granted)
        return {
            "token_type": "Bearer",
            "access_token": token,
            "expires_in": self._issuer.lifetime_seconds,
            "scope": granted,
        }


def _readable_basic(headers: Mapping[str, str]) -> bool:
    """Say whether the Authorization header can be given to the core, which fails on bad base 64 or bad UTF-8."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return True
    try:
        base64.b64decode(rest, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return False
    return True
