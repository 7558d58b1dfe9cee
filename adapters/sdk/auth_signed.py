"""Authenticators that sign the request itself with a shared key, by settings of the manifest."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from adapters.sdk import message_signatures
from adapters.sdk.auth_headers import with_headers
from adapters.sdk.calls import CallFailure, Exchange, PartnerAnswer, PartnerCall
from adapters.sdk.outcomes import Outcome
from adapters.sdk.request_signing import (
    SignatureRefusedError,
    SigningKey,
    SigningRules,
    decoded_key,
    signed_headers,
    signed_request,
)
from config.secrets import Secret

NONCE_BYTES = 16


class _Signs:
    """What both have in common: a fresh signature would be refused as well."""

    def __init__(self, key_id: Secret, secret: Secret, randomness: Callable[[int], bytes]) -> None:
        self._key_id = key_id
        self._secret = secret
        self._randomness = randomness

    def refused(self, answer: PartnerAnswer) -> bool:
        """Never ask again."""
        return False


class HmacSignature(_Signs):
    """Signs each call for its instant, with a new nonce where the rules have one."""

    def __init__(
        self,
        key_id: Secret,
        secret: Secret,
        rules: SigningRules,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Keep key and rules.

        Raises:
            ManifestError: the secret is not written as the rules say.
        """
        super().__init__(key_id, secret, randomness)
        self._rules = rules
        decoded_key(secret.reveal(), rules.key_encoding)

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add the headers of the rules."""
        key = SigningKey(self._key_id.reveal(), self._secret.reveal())
        nonce = self._randomness(NONCE_BYTES).hex()
        return with_headers(call, signed_headers(self._rules, key, signed_request(base_url, call), now, nonce))


class MessageSignature(_Signs):
    """Signs each call by RFC 9421 with ``hmac-sha256``; a body is covered by its digest."""

    def __init__(
        self,
        key_id: Secret,
        secret: Secret,
        *,
        components: Sequence[str],
        key_encoding: str,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Keep the key and what is covered.

        Raises:
            ManifestError: the secret is not written as ``key_encoding`` says.
        """
        super().__init__(key_id, secret, randomness)
        self._components = tuple(components)
        self._key_encoding = key_encoding
        decoded_key(secret.reveal(), key_encoding)

    async def authenticate(
        self, call: PartnerCall, base_url: str, now: datetime, exchange: Exchange
    ) -> PartnerCall | CallFailure:
        """Add ``Signature-Input`` and ``Signature``, and ``Content-Digest`` to a call with a body."""
        request = signed_request(base_url, call)
        headers = {name.lower(): value for name, value in call.headers.items()}
        if call.body is not None:
            headers |= {"content-digest": message_signatures.content_digest(call.body)}
            headers |= {"content-type": call.content_type}
        names = [
            name
            for name in self._components
            if call.body is not None or name not in message_signatures.CONTENT_COMPONENTS
        ]
        scheme = urlsplit(base_url).scheme.lower()
        try:
            covered = [(name, message_signatures.component(name, request, scheme, headers)) for name in names]
        except SignatureRefusedError:
            return CallFailure(Outcome.NOT_SENT, "authentication:nothing_to_sign")
        nonce = self._randomness(NONCE_BYTES).hex()
        params = message_signatures.parameters(names, int(now.timestamp()), self._key_id.reveal(), nonce)
        key = decoded_key(self._secret.reveal(), self._key_encoding)
        made = message_signatures.sign(key, message_signatures.signature_base(covered, params))
        label = message_signatures.LABEL
        added = {"Signature-Input": f"{label}={params}", "Signature": f"{label}=:{made}:"}
        if call.body is not None:
            added["Content-Digest"] = headers["content-digest"]
        return with_headers(call, added)
