"""What an adapter is given to work with, and how it is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec

from adapters.sdk.auth import make_authenticator
from adapters.sdk.client import PartnerClient
from adapters.sdk.manifest import Manifest
from config.clock import Clock
from config.secrets import Secret


class AdapterContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an adapter may reach: its partner's client, the time, and the partner file's ``[options]``."""

    partner: str
    manifest: Manifest
    client: PartnerClient
    clock: Clock
    options: Mapping[str, Any]
    credentials: Mapping[str, Secret]


def open_context(
    *,
    partner: str,
    manifest: Manifest,
    base_url: str,
    credentials: Mapping[str, Secret],
    options: Mapping[str, Any],
    clock: Clock,
    request_id: Callable[[], str | None] = lambda: None,
    http: httpx.AsyncClient | None = None,
    client_type: Callable[..., PartnerClient] = PartnerClient,
) -> AdapterContext:
    """Put a context together; the client in it is closed by the caller (``context.client.aclose()``).

    Args:
        partner: id as in the partner's file.
        manifest: of the partner's adapter.
        base_url: of the environment in force.
        credentials: resolved secrets by the names the manifest declares.
        options: the partner file's ``[options]``, typed by the adapter.
        clock: the process's.
        request_id: answers the correlation id of the work at hand.
        http: a client to use instead of our own; tests inject one.
        client_type: makes what the adapter speaks through; the conformance kit listens with one of its own.

    Raises:
        ManifestError: the auth scheme is unknown or a credential is missing.
    """
    client = client_type(
        base_url=base_url,
        limits=manifest.limits,
        clock=clock,
        authenticator=make_authenticator(manifest, credentials),
        personal_fields=manifest.personal_fields,
        request_id=request_id,
        http=http,
    )
    return AdapterContext(
        partner=partner, manifest=manifest, client=client, clock=clock, options=options, credentials=credentials
    )
