"""A token seen before, verified again, against the check of its signature alone; PyJWT per request beside it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from config.clock import SystemClock
from config.settings import OAuthSettings
from gateway.oauth.issuer import DevelopmentIssuer, open_issuer
from gateway.oauth.keys import KnownKeys
from gateway.oauth.verifier import JwksVerifier
from tests.bench.measure import Result, Row, measure

LIMIT_MICROSECONDS = 5.0


def results() -> list[Result]:
    """Measure the row."""
    with TemporaryDirectory() as folder:
        settings = OAuthSettings(key_file=Path(folder) / "key.json")
        issuer = open_issuer(settings, SystemClock())
    found = measure(_row(issuer, settings))
    facts = {"hot token us": found.ours_microseconds}
    return [msgspec.structs.replace(found, facts=facts, limits={"hot token us": LIMIT_MICROSECONDS})]


def _row(issuer: DevelopmentIssuer, settings: OAuthSettings) -> Row:
    token = issuer.mint(subject="mbr_1", client_id="member-app", scope="benefits:read redemptions:write")
    key = next(iter(issuer.public_keys.values())).public_key
    return Row(
        name="verification of a token seen before",
        floor=_signature_alone(token, key),
        ours=_ours(issuer, settings, token),
        peer=lambda: jwt.decode(token, key, algorithms=["ES256"], audience=settings.audience, issuer=settings.issuer),
        goal=1.0,
    )


def _signature_alone(token: str, key: EllipticCurvePublicKey) -> Callable[[], object]:
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(f"{signature}==")
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    return lambda: key.verify(der, signed.encode(), ECDSA(SHA256()))


def _ours(issuer: DevelopmentIssuer, settings: OAuthSettings, token: str) -> Callable[[], object]:
    verifier = JwksVerifier(
        issuer=settings.issuer,
        audience=settings.audience,
        keys=KnownKeys({**issuer.public_keys}),
        clock=SystemClock(),
        skew_seconds=settings.clock_skew_seconds,
        partner_of={},
    )
    asyncio.run(verifier.verify(token))

    def once() -> object:
        try:
            verifier.verify(token).send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("a token seen before waits for nothing")

    return once
