"""The authentication schemes that a manifest may name. Pure; `adapters.sdk.auth` makes the authenticators."""

from __future__ import annotations

CREDENTIALS: dict[str, dict[str, str]] = {
    "none": {},
    "api_key": {"api_key": "secret"},
    "basic": {"username": "text", "password": "secret"},
    "oauth2_client_credentials": {"client_id": "text", "client_secret": "secret"},
    "private_key_jwt": {"client_id": "text", "private_key": "secret"},
    "ean_signature": {"api_key": "secret", "shared_secret": "secret"},
    "mac": {"mac_id": "text", "mac_key": "secret"},
    "oauth1_rsa_sha256": {"consumer_key": "text", "private_key": "secret"},
}
"""The credentials of each scheme, and which of them prove who we are."""
