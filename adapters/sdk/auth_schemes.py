"""The authentication schemes that a manifest may name. Pure; `adapters.sdk.auth` makes the authenticators."""

from __future__ import annotations

from collections.abc import Mapping

CREDENTIALS: dict[str, dict[str, str]] = {
    "none": {},
    "api_key": {"api_key": "secret"},
    "basic": {"username": "text", "password": "secret"},
    "oauth2_client_credentials": {"client_id": "text", "client_secret": "secret"},
    "private_key_jwt": {"client_id": "text", "private_key": "secret"},
    "oauth2_tls_client_auth": {"client_id": "text", "client_certificate": "text", "private_key": "secret"},
    "oauth2_authorization_code": {"client_id": "text", "client_secret": "secret"},
    "mtls": {"client_certificate": "text", "private_key": "secret"},
    "hmac_signature": {"key_id": "text", "secret": "secret"},
    "rfc9421_hmac": {"key_id": "text", "secret": "secret"},
    "ean_signature": {"api_key": "secret", "shared_secret": "secret"},
    "mac": {"mac_id": "text", "mac_key": "secret"},
    "oauth1_rsa_sha256": {"consumer_key": "text", "private_key": "secret"},
}
"""The credentials of each scheme, and which of them prove who we are."""

SETTINGS: dict[str, tuple[str, ...]] = {
    "none": (),
    "api_key": ("header", "prefix"),
    "basic": (),
    "oauth2_client_credentials": ("token_path", "scope", "client_authentication"),
    "private_key_jwt": ("token_path", "scope", "audience", "key_id"),
    "oauth2_tls_client_auth": ("token_path", "scope"),
    "oauth2_authorization_code": (),
    "mtls": (),
    "hmac_signature": (
        *("sign", "digest", "construction", "encoding", "key_encoding", "timestamp_format"),
        "header.*",
    ),
    "rfc9421_hmac": ("components", "key_encoding"),
    "ean_signature": (),
    "mac": (),
    "oauth1_rsa_sha256": (),
}
"""The public parameters of each scheme (``auth_settings``); ``header.*`` stands for every name of that beginning."""
SIGNS_EACH_COPY = frozenset({"hmac_signature", "rfc9421_hmac", "ean_signature", "mac", "oauth1_rsa_sha256"})
"""Schemes that put the time of sending into every call, also into one that is sent again: their age fences nothing."""


def unknown_settings(scheme: str, given: Mapping[str, str]) -> tuple[str, ...]:
    """Name what is given and is no setting of a scheme."""
    known = SETTINGS.get(scheme, ())
    beginnings = tuple(name.removesuffix("*") for name in known if name.endswith("*"))
    return tuple(sorted(name for name in given if name not in known and not name.startswith(beginnings or ("\0",))))
