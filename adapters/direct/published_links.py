"""The part of the published contract about members who link their accounts; `adapters.direct.published` puts it in."""

from __future__ import annotations

from typing import Any

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
GRANTS = ("client_credentials", "authorization_code", "refresh_token")


def token_form() -> dict[str, Any]:
    """Describe what the token endpoint is sent, for each grant."""
    texts = ("scope", "code", "redirect_uri", "code_verifier", "refresh_token")
    properties = {"grant_type": {"enum": list(GRANTS)}} | {name: {"type": "string"} for name in texts}
    return {"type": "object", "required": ["grant_type"], "properties": properties}


def paths(origin: str) -> dict[str, Any]:
    """Give the paths; ``origin`` is the partner's address in examples."""
    return {
        "/oauth/authorize": {"get": _authorise(origin)},
        "/oauth/revoke": {"post": _revoke()},
        "/v1/members/me": {"get": _member()},
    }


def schemes(origin: str) -> dict[str, Any]:
    """Give the security scheme of a call in a member's name."""
    flow = {
        "authorizationUrl": f"{origin}/oauth/authorize",
        "tokenUrl": f"{origin}/oauth/token",
        "refreshUrl": f"{origin}/oauth/token",
        "scopes": {"member": "Who the member is at the partner."},
    }
    return {"member": {"type": "oauth2", "flows": {"authorizationCode": flow}}}


def _authorise(origin: str) -> dict[str, Any]:
    text = {"type": "string"}
    location = {"description": f"Where it was asked for, with code, state and iss={origin}.", "schema": text}
    return {
        "operationId": "authorise",
        "summary": "Ask the member in his browser (RFC 6749, section 4.1; PKCE with S256; RFC 9207)",
        "security": [],
        "parameters": [
            _query("response_type", {"const": "code"}),
            _query("client_id", text),
            _query("redirect_uri", text),
            _query("state", text),
            _query("code_challenge", {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}),
            _query("code_challenge_method", {"const": "S256"}),
            {**_query("scope", text), "required": False},
        ],
        "responses": {
            "200": {"description": "A page for the member.", "content": {"text/html": {"schema": text}}},
            "303": {"description": "Back to redirect_uri, exactly as registered.", "headers": {"Location": location}},
            "400": {"description": "Not redirected.", "content": {"text/html": {"schema": text}}},
        },
    }


def _revoke() -> dict[str, Any]:
    properties = {"token": {"type": "string"}, "token_type_hint": {"type": "string"}}
    schema = {"type": "object", "required": ["token"], "properties": properties}
    return {
        "operationId": "unlink",
        "summary": "Revoke a refresh token and what was made of it (RFC 7009); an unknown one is 200 as well",
        "security": [{"basic": []}],
        "requestBody": {"required": True, "content": {FORM: {"schema": schema}}},
        "responses": {
            "200": {"description": "It no longer holds.", "content": {JSON: {"schema": {"type": "object"}}}},
            "401": {
                "description": "The client is not known or its secret is wrong.",
                "content": {JSON: {"schema": {"type": "object"}}},
            },
        },
    }


def _member() -> dict[str, Any]:
    return {
        "operationId": "read_account",
        "summary": "Say whose token it is",
        "security": [{"member": ["member"]}],
        "responses": {
            "200": _answer("The member's account.", "LinkedMember"),
            "401": _answer("No token, or one that has ended or was revoked.", "Refusal"),
        },
    }


def _answer(description: str, schema: str) -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": True, "schema": schema}
