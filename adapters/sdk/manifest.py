"""``manifest.toml``: what an adapter declares about its partner, and the profile that follows from it.

A profile is derived from facts, never chosen (see `derive_profile`); the conformance kit proves the facts.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

import msgspec

from adapters.sdk.auth_schemes import SIGNS_EACH_COPY
from adapters.sdk.errors import ManifestError
from config.errors import ConfigurationError
from config.files import read_typed

API_VERSION = 1
"""Version of the SDK's public surface that this gateway serves."""

Capability = Literal[
    "quotes_offers",
    "reserves",
    "looks_up",
    "cancels",
    "fences",
    "receives_webhooks",
    "reports_statements",
    "reports_usage",
    "links_accounts",
    "validates_members",
    "reports_status",
    "credits_points",
    "debits_points",
    "issues_vouchers",
    "grants_status",
    "searches_offers",
]


class Profile(StrEnum):
    """How a redemption at the partner can end; the table is in ``ARCHITECTURE.md``."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"
    G = "G"


class KeyFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the partner's key field holds. ``field`` is the partner's name for it; empty when it has none."""

    field: str = ""
    min_length: int = 0
    max_length: int = 0
    alphabet: str = ""


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts of a partner's API that decide what the engine may do.

    ``on_repeat``: what a repeat with the same key gets: the first answer again, a refusal, or a second benefit.
    ``checks_key_first``: the key is judged before stock or price: a NO to a repeat says that none was granted so far.
    ``validity_enforced``: the partner refuses a request whose validity window has ended.
    ``validity_by``: what it counts the window from: a ``field`` that the adapter fills with ``requested_at``, the same
    in every copy, or the time in the request's ``signature``, which no scheme of ours keeps (rule R14).
    ``look_up_staleness_seconds``: how old a look-up's view may be.
    ``batch``: writes may be queued and settle overnight.
    ``issues_nothing``: the partner grants nothing on request. The benefit is our own voucher, the commit makes no call,
    and a repeat of it changes nothing anywhere.
    """

    key: KeyFacts = KeyFacts()
    on_repeat: Literal["replay", "refuse", "again"] = "again"
    checks_key_first: bool = False
    validity_enforced: bool = False
    validity_by: Literal["", "field", "signature"] = ""
    look_up_staleness_seconds: int = 0
    batch: bool = False
    issues_nothing: bool = False


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one process may ask of the partner at once, and what one call may cost."""

    deadline_seconds: float = 10.0
    body_cap_bytes: int = 65_536
    concurrency: int = 8
    queue: int = 16
    validity_seconds: int = 900
    processing_seconds: int = 60
    cancel_deadline_seconds: int = 900


class StatementFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The statement file: its format and when a business day ends at the partner."""

    format: str
    cut_off: str
    time_zone: str


class LinkingFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How members link their accounts at the partner: OAuth 2.0, authorisation code with PKCE (S256).

    Paths are below the partner's address; an empty ``revocation_path`` says that it cannot revoke. ``sends_issuer``:
    its answers name the partner (RFC 9207); without it any partner's answer might be taken for this one's, so it is
    switched off only where the partner is known not to. The credentials are ``client_id`` and ``client_secret``.
    """

    authorization_path: str = "/oauth/authorize"
    token_path: str = "/oauth/token"  # noqa: S105 - a path
    revocation_path: str = "/oauth/revoke"
    scope: str = ""
    client_authentication: Literal["basic", "body"] = "basic"
    sends_issuer: bool = True


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole manifest.

    ``auth`` names a scheme of `adapters.sdk.auth`; ``auth_settings`` are its public parameters (``token_path``,
    ``header``).
    """

    name: str
    title: str
    segment: Literal["hotels", "rental_cars", "lounges", "airlines", "transfers", "any"]
    api_version: int
    capabilities: tuple[Capability, ...]
    auth: str
    credentials: dict[str, Literal["secret", "text"]]
    facts: Facts
    limits: Limits = Limits()
    personal_fields: tuple[str, ...] = ()
    purpose: str = ""
    webhook_scheme: str = ""
    statement: StatementFacts | None = None
    sources: tuple[str, ...] = ()
    auth_settings: dict[str, str] = {}
    linking: LinkingFacts | None = None

    @property
    def profile(self) -> Profile:
        """The profile that the declared facts and capabilities give."""
        return derive_profile(self)

    @property
    def signs_webhooks(self) -> bool:
        """Whether callbacks carry a signature; those of a scheme ``none: ...`` come to a secret path."""
        return bool(self.webhook_scheme) and not self.webhook_scheme.startswith("none")

    @property
    def idempotent(self) -> bool:
        """Whether a repeat with our key can be sent without risk of a second benefit and is answered usefully."""
        keyed = bool(self.facts.key.field) and self.facts.on_repeat != "again"
        return keyed or self.facts.issues_nothing


def derive_profile(manifest: Manifest) -> Profile:
    """Derive the profile A to G from facts.

    Source: the table of profiles in ``ARCHITECTURE.md``; first row that fits, strongest first. A partner whose key is
    refused on repeat counts as idempotent only together with a look-up by that key.
    """
    replay = manifest.idempotent and manifest.facts.on_repeat == "replay"
    look_up = "looks_up" in manifest.capabilities
    fence = "fences" in manifest.capabilities
    idempotent = replay or (manifest.idempotent and look_up)
    if fence and look_up:
        return Profile.A if idempotent else Profile.D
    if fence:
        return Profile.F
    if idempotent and look_up:
        return Profile.B if manifest.facts.validity_enforced else Profile.C
    return Profile.E if look_up else Profile.G


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Raises:
        ManifestError: names the file, the key and the rule.
    """
    try:
        manifest = read_typed(path, Manifest)
    except ConfigurationError as error:
        raise ManifestError(error.message) from error
    if manifest.api_version != API_VERSION:
        raise ManifestError(f"{path}: api_version is {manifest.api_version}; this gateway serves {API_VERSION}.")
    _require_no_fence_by_signature(manifest, path)
    return manifest


def _require_no_fence_by_signature(manifest: Manifest, path: Path) -> None:
    """Refuse a window that the age of a signature would enforce: each copy that is sent is signed anew (rule R14).

    Raises:
        ManifestError: names the file and the key.
    """
    facts = manifest.facts
    if facts.validity_by == "signature":
        raise ManifestError(
            f'{path}: facts.validity_by is "signature", and the scheme {manifest.auth!r} keeps no signature\'s time '
            "with the attempt: a copy that is sent later looks young. Say validity_enforced = false."
        )
    if facts.validity_enforced and not facts.validity_by and manifest.auth in SIGNS_EACH_COPY:
        raise ManifestError(
            f"{path}: facts.validity_enforced, and {manifest.auth!r} signs the time of sending: if that is what the "
            'partner judges, nothing is enforced; if it judges requested_at, say facts.validity_by = "field".'
        )
