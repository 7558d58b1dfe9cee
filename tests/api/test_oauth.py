"""The development issuer: key file, token endpoint, metadata."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from config.settings import OAuthSettings
from gateway.oauth.clients import read_clients
from gateway.oauth.issuer import open_issuer
from gateway.oauth.server import MEMBER_GRANT
from tests.api.conftest import Stack, StandingClock

TOKEN = "/oauth/token"
FORM = {"grant_type": "client_credentials"}
MEMBER = "mbr_01jd3q5v8k4m6n7p8q9r0s1t2v"


def basic(client: str, secret: str | None = None) -> dict[str, str]:
    pair = f"{client}:{secret or f'development-secret-of-{client}'}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


async def test_a_client_gets_a_token_that_the_gateway_accepts(stack: Stack) -> None:
    for how in ("basic", "post"):
        form = FORM if how == "basic" else FORM | {"client_id": "crm", "client_secret": "development-secret-of-crm"}
        headers = basic("crm") if how == "basic" else {}
        answer = await stack.client.post(TOKEN, data=form, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        token = answer.json()
        assert (token["token_type"], token["expires_in"]) == ("Bearer", 600)
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        assert (await stack.client.put("/v1/members/liu", json={}, headers=bearer)).status_code == 200


async def test_the_member_app_gets_a_members_token(stack: Stack) -> None:
    member_id = await stack.add_member()
    form = {"grant_type": MEMBER_GRANT, "member": member_id, "scope": "profile:read"}
    answer = await stack.client.post(TOKEN, data=form, headers=basic("member-app"))
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await stack.client.get("/v1/me", headers=bearer)).json()["id"] == member_id
    assert (await stack.client.get("/v1/consents", headers=bearer)).status_code == 403


@pytest.mark.parametrize(
    ("headers", "form", "status", "error"),
    [
        (basic("crm", "wrong"), FORM, 401, "invalid_client"),
        (basic("nobody"), FORM, 401, "invalid_client"),
        ({}, FORM, 401, "invalid_client"),
        ({"Authorization": "Basic %%%"}, FORM, 401, "invalid_client"),
        ({"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()}, FORM, 401, "invalid_client"),
        (basic("crm"), {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (basic("crm"), {}, 400, "unsupported_grant_type"),
        (basic("crm"), FORM | {"scope": "settlement:close"}, 400, "invalid_scope"),
        (basic("crm"), {"grant_type": MEMBER_GRANT, "member": MEMBER}, 400, "unauthorized_client"),
        (basic("member-app"), FORM, 400, "unauthorized_client"),
        (basic("member-app"), {"grant_type": MEMBER_GRANT, "member": "crm"}, 400, "invalid_request"),
    ],
)
async def test_what_the_token_endpoint_refuses(
    stack: Stack, headers: dict[str, str], form: dict[str, str], status: int, error: str
) -> None:
    answer = await stack.client.post(TOKEN, data=form, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_wrong_secret_and_an_unknown_client_are_refused_alike(stack: Stack) -> None:
    wrong = await stack.client.post(TOKEN, data=FORM, headers=basic("crm", "wrong"))
    unknown = await stack.client.post(TOKEN, data=FORM, headers=basic("nobody"))
    assert wrong.json() == unknown.json()


async def test_a_parameter_sent_twice_is_refused(stack: Stack) -> None:
    body = b"grant_type=client_credentials&grant_type=client_credentials"
    answer = await stack.client.post(TOKEN, content=body, headers=basic("crm"))
    assert answer.status_code == 400


async def test_metadata_and_keys(stack: Stack) -> None:
    metadata = (await stack.client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == stack.gateway.settings.oauth.issuer
    keys = (await stack.client.get("/oauth/jwks.json")).json()["keys"]
    assert [set(key) for key in keys] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]


def test_the_key_file_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    settings = OAuthSettings(key_file=tmp_path / "deep" / "key.json")
    first = open_issuer(settings, StandingClock())
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    assert open_issuer(settings, StandingClock()).key_set() == first.key_set()
    assert list(settings.key_file.parent.iterdir()) == [settings.key_file]
    settings.key_file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        open_issuer(settings, StandingClock())


def test_a_key_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text("{}")
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="no key"):
        open_issuer(OAuthSettings(key_file=path), StandingClock())


def test_clients_hold_hashes_only() -> None:
    for client, entry in read_clients(None).items():
        assert len(entry.secret_sha256) == 64, client
        assert entry.scopes, client
