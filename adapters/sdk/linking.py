"""Linking a member's account: authorisation code with PKCE, revocation, and what its calls are authenticated with.

Sources, read 2026-11-28: RFC 6749 section 4.1 (the code), RFC 7636 (PKCE; S256 and nothing else), RFC 9207 (``iss``),
RFC 7009 (revocation), RFC 9700 (the best current practice: one use, exact redirect, mix-up).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.errors import ManifestError, PartnerError, PartnerUnavailableError, ProtocolError, RejectedError
from adapters.sdk.link_authenticator import LinkAuthenticator, client_proof, oauth_error
from adapters.sdk.link_tokens import LinkTokens, TokenVault, read_tokens
from adapters.sdk.manifest import LinkingFacts, Manifest
from adapters.sdk.outcomes import Outcome
from config.clock import Clock
from config.secrets import Secret

FORM = "application/x-www-form-urlencoded"


class LinkingPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one environment of a partner lets members link, as far as it is not the partner's own address.

    ``issuer``: what the partner names itself in the answer (RFC 9207). ``authorization_url``: where the member is sent.
    """

    issuer: str = ""
    authorization_url: str = ""


class LinkAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the partner sent back through the member's browser. ``iss`` is None where it was left out."""

    code: str | None = None
    error: str | None = None
    iss: str | None = None


class Linking:
    """One partner's linking."""

    def __init__(
        self,
        *,
        client: PartnerClient,
        facts: LinkingFacts,
        credentials: Mapping[str, Secret],
        clock: Clock,
        place: LinkingPlace,
    ) -> None:
        """Take what it works with; nothing is asked yet."""
        self._client = client
        self._facts = facts
        self._credentials = credentials
        self._clock = clock
        base = client.base_url
        self.issuer = place.issuer or base
        self._authorization_url = place.authorization_url or base + facts.authorization_path

    def authorization_url(self, *, state: str, verifier: str, redirect_url: str) -> str:
        """Give the address to send the member's browser to.

        Args:
            state: unguessable; comes back with the answer.
            verifier: the PKCE secret (RFC 7636 section 4.1); only its hash is in the address.
            redirect_url: where the browser is sent back to, exactly as it is registered at the partner.
        """
        asked = {
            "response_type": "code",
            "client_id": self._credentials["client_id"].reveal(),
            "redirect_uri": redirect_url,
            "state": state,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
        } | ({"scope": self._facts.scope} if self._facts.scope else {})
        mark = "&" if urlsplit(self._authorization_url).query else "?"
        return f"{self._authorization_url}{mark}{urlencode(asked, quote_via=quote)}"

    def judge(self, answer: LinkAnswer) -> str:
        """Check who answered, and give the code; nothing is sent before this.

        Raises:
            ProtocolError: another issuer answered, or none where this partner names itself: a mix-up.
            RejectedError: the member said no, or the partner did.
        """
        if answer.iss is None and self._facts.sends_issuer:
            raise ProtocolError("The answer does not say which partner gave it.")
        if answer.iss is not None and not hmac.compare_digest(answer.iss.encode(), self.issuer.encode()):
            raise ProtocolError("The answer comes from another partner than was asked.")
        if answer.error is not None or not answer.code:
            raise RejectedError("The link was not granted.")
        return answer.code

    async def redeem(self, *, code: str, verifier: str, redirect_url: str) -> LinkTokens:
        """Exchange a code for tokens.

        Raises:
            RejectedError: the partner does not take the code (it is used, too old, or not for this verifier).
            PartnerError: no trustworthy answer; the code is lost and the member begins anew.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_url}
        now = self._clock.now()
        answer = await self._ask("link", self._facts.token_path, form | {"code_verifier": verifier})
        if answer.status == 400 and oauth_error(answer) == "invalid_grant":
            raise RejectedError("The partner does not take the code.")
        if answer.status != 200:
            raise ProtocolError("The token endpoint's status is not a documented one.", status=answer.status)
        return read_tokens(answer.body, now)

    async def revoke(self, token: Secret) -> bool:
        """Revoke a refresh token, and with it what was made of it; True when it no longer holds.

        A partner without a way to revoke answers True: what it gave ends by itself.
        """
        if not self._facts.revocation_path:
            return True
        form = {"token": token.reveal(), "token_type_hint": "refresh_token"}
        try:
            answer = await self._ask("unlink", self._facts.revocation_path, form)
        except PartnerError:
            return False
        return answer.status == 200 or oauth_error(answer) == "invalid_grant"

    async def _ask(self, operation: str, path: str, form: Mapping[str, str]) -> PartnerAnswer:
        headers, more = client_proof(self._facts, self._credentials)
        answer = await self._client.call(
            PartnerCall(
                operation=operation,
                method="POST",
                path=path,
                headers=headers,
                body=urlencode({**form, **more}).encode(),
                content_type=FORM,
                authenticated=False,
            )
        )
        if isinstance(answer, CallFailure):
            kind = PartnerUnavailableError if answer.outcome is Outcome.NOT_SENT else ProtocolError
            raise kind(f"The partner's token endpoint gave no answer ({answer.reason}).")
        return answer


def challenge(verifier: str) -> str:
    """Hash a PKCE verifier (RFC 7636 section 4.2, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode().rstrip("=")


def open_linking(
    client: PartnerClient,
    manifest: Manifest,
    credentials: Mapping[str, Secret],
    clock: Clock,
    vault: TokenVault,
    place: LinkingPlace | None = None,
) -> Linking:
    """Let a client make calls in members' names, and give what links them.

    Raises:
        ManifestError: the manifest has no ``[linking]``, or lacks the credentials for it.
    """
    facts = manifest.linking
    if facts is None:
        raise ManifestError(f"{manifest.name}: the manifest has no [linking]; members cannot link there.")
    missing = [name for name in ("client_id", "client_secret") if name not in credentials]
    if missing:
        raise ManifestError(f"{manifest.name}: the credential {missing[0]} is missing; [linking] needs it.")
    client.links = LinkAuthenticator(
        facts=facts,
        credentials=credentials,
        vault=vault,
        clock=clock,
        deadline_seconds=manifest.limits.deadline_seconds,
    )
    return Linking(client=client, facts=facts, credentials=credentials, clock=clock, place=place or LinkingPlace())
