"""Linking a member's account at a partner: begin, finish with the partner's answer, end.

Finishing, in order: the request is used up; the partner that answered is checked; the code is exchanged; the tokens are
kept; the account is asked for with them; the link becomes active together with the account. A crash between leaves a
pending link, which the member begins anew. What was granted and is not wanted after all is revoked at the partner.
"""

from __future__ import annotations

import secrets
from functools import partial

from sqlalchemy import Connection

from adapters.sdk.capabilities import LinksAccounts
from adapters.sdk.errors import PartnerError
from adapters.sdk.link_tokens import LinkTokens
from adapters.sdk.linking import LinkAnswer, Linking
from catalogue import members, partner_accounts
from config.errors import ConflictError, GatewayError, NotFoundError, RuleError
from config.observability import get_logger
from config.secrets import Secret
from gateway.errors import LinkRefusedError
from gateway.links import store
from gateway.operations.switches import require_enabled
from gateway.partners import ConnectedPartner
from gateway.schemas.partner_links import ENTERED, AuthorizationAnswer, LinkView, LinkViews
from gateway.wiring import Gateway

CALLBACK = "/v1/partner-links/callback"
log = get_logger(__name__)


def redirect_url(gateway: Gateway) -> str:
    """Give the address that partners send members back to; it is registered there, exactly."""
    return gateway.settings.links.redirect_url or gateway.settings.http.public_url.rstrip("/") + CALLBACK


def list_links(connection: Connection, *, member_id: str) -> LinkViews:
    """List the member's links, and the accounts that he entered himself.

    Raises:
        NotFoundError: there is no such member.
    """
    members.get_member(connection, member_id)
    found = {link.partner: present(link) for link in store.list_links(connection, member_id)}
    entered = {
        one.partner: LinkView(
            partner=one.partner, state=ENTERED, account_number=one.account_number, verified_at=one.verified_at
        )
        for one in partner_accounts.linked_accounts(connection, member_id)
        if one.partner not in found
    }
    return LinkViews([view for _, view in sorted((found | entered).items())])


def present(link: store.Link) -> LinkView:
    """Show a link to its member."""
    return LinkView(
        partner=link.partner,
        state=link.state,
        account_number=link.account_number if not link.state.startswith("revoked") else None,
        linked_at=link.linked_at,
        ends_at=link.ends_at,
    )


async def begin(gateway: Gateway, member_id: str, partner: str) -> AuthorizationAnswer:
    """Give the address of the partner's page; an earlier request of the member there is void.

    Raises:
        NotFoundError: no such partner or member.
        RuleError: members do not link there.
        PartnerDisabledError: operators have switched the partner off.
    """
    linking = _linking(gateway.partners.named(partner))
    state, verifier, now = secrets.token_urlsafe(32), Secret(secrets.token_urlsafe(48)), gateway.clock.now()
    link_id = gateway.identifiers.new("partner_link")

    def write(connection: Connection) -> None:
        require_enabled(connection, partner)
        store.begin(
            connection,
            gateway.sealer,
            link_id=link_id,
            member_id=member_id,
            partner=partner,
            state=state,
            verifier=verifier,
            at=now,
        )

    await gateway.database.write(write)
    await _revoke_before(gateway, member_id, partner)
    url = linking.authorization_url(state=state, verifier=verifier.reveal(), redirect_url=redirect_url(gateway))
    return AuthorizationAnswer(authorization_url=url, expires_at=now + store.REQUEST_LIFE)


async def finish(gateway: Gateway, member_id: str, state: str, answer: LinkAnswer) -> LinkView:
    """Take the partner's answer, which the member's app hands on; it counts once.

    Raises:
        LinkRefusedError: it belongs to no open request of this member, another partner gave it, the member said no, or
            the partner does not take the code.
        ConflictError: another member has this account; what was granted is revoked.
        PartnerError: the partner gave no trustworthy answer; the member begins anew.
    """
    taken = await gateway.database.write(
        partial(store.take_request, sealer=gateway.sealer, state=state, member_id=member_id, at=gateway.clock.now())
    )
    connected = gateway.partners.named(taken.link.partner)
    linking = _linking(connected)
    tokens = await _granted(gateway, linking, taken, answer)
    try:
        await gateway.database.write(
            partial(store.keep_first, sealer=gateway.sealer, link=taken.link, tokens=tokens, at=gateway.clock.now())
        )
        link = await _activated(gateway, connected, taken.link.id)
    except GatewayError:
        await _withdraw(gateway, taken.link.id, linking, tokens)
        raise
    log.info("partner_link.active", partner=link.partner, link=link.id)
    return present(link)


async def _granted(gateway: Gateway, linking: Linking, taken: store.Taken, answer: LinkAnswer) -> LinkTokens:
    try:
        code = linking.judge(answer)
        return await linking.redeem(code=code, verifier=taken.verifier.reveal(), redirect_url=redirect_url(gateway))
    except PartnerError as error:
        log.warning("partner_link.refused", partner=taken.link.partner, reason=error.message)
        if error.code in ("partner_unavailable", "partner_unknown"):
            raise
        raise LinkRefusedError(f"The account could not be linked: {error.message}") from error


async def _activated(gateway: Gateway, connected: ConnectedPartner, link_id: str) -> store.Link:
    adapter = connected.adapter
    assert isinstance(adapter, LinksAccounts)
    account = await adapter.read_account(link_id)
    operation = partial(store.activate, link_id=link_id, account_number=account.account_number, at=gateway.clock.now())
    return await gateway.database.write(operation)


async def _withdraw(gateway: Gateway, link_id: str, linking: Linking, tokens: LinkTokens) -> None:
    """Give back what was granted and cannot be used."""

    def end(connection: Connection) -> None:
        store.end_by_member(connection, store.get_link(connection, link_id), gateway.clock.now())

    await gateway.database.write(end)
    if not await revoke_one(gateway, link_id) and tokens.refresh_token is not None:
        await linking.revoke(tokens.refresh_token)


async def unlink(gateway: Gateway, member_id: str, partner: str) -> LinkView:
    """End a link: here at once, at the partner now or, when it does not answer, later.

    Raises:
        NotFoundError: the member has no link there.
    """

    def end(connection: Connection) -> store.Link:
        link = store.find_link(connection, member_id, partner)
        if link is None:
            raise NotFoundError(f"There is no link at {partner!r}.")
        store.end_by_member(connection, link, gateway.clock.now())
        return store.get_link(connection, link.id)

    link = await gateway.database.write(end)
    await revoke_one(gateway, link.id)
    return present(link)


async def revoke_one(gateway: Gateway, link_id: str) -> bool:
    """Tell the partner of an ended link; True when nothing is left to be told."""
    held = await gateway.database.read(partial(store.read_refresh, sealer=gateway.sealer, link_id=link_id))
    if held is None:
        return True
    link = await gateway.database.read(partial(store.get_link, link_id=link_id))
    connected = gateway.partners.get(link.partner)
    linking = None if connected is None else connected.linking
    revoked = linking is not None and await linking.revoke(held[1])
    note = partial(store.note_revocation, link_id=link_id, generation=held[0], revoked=revoked, at=gateway.clock.now())
    await gateway.database.write(note)
    return revoked


async def _revoke_before(gateway: Gateway, member_id: str, partner: str) -> None:
    """Tell the partner of a link that ended and that it could not be told of: before another is made in its place."""
    link = await gateway.database.read(partial(store.find_link, member_id=member_id, partner=partner))
    if link is not None:
        await revoke_one(gateway, link.id)


async def revoke_due(gateway: Gateway) -> int:
    """Tell partners of links that ended while they did not answer; how many of them were told."""
    told = 0
    for link in await gateway.database.read(partial(store.due_revocations, at=gateway.clock.now())):
        try:
            told += await revoke_one(gateway, link.id)
        except GatewayError as error:
            log.warning("partner_link.not_revoked", partner=link.partner, link=link.id, reason=error.message)
    return told


def require_entered(gateway: Gateway, partner: str) -> None:
    """Refuse an account that is typed in where members can prove theirs.

    Raises:
        ConflictError: members link there.
    """
    connected = gateway.partners.get(partner)
    if connected is not None and connected.linking is not None:
        raise ConflictError(f"An account at {partner} is linked, not entered: POST /v1/partner-links/{partner}.")


def _linking(connected: ConnectedPartner) -> Linking:
    if connected.linking is None:
        raise RuleError(f"Members do not link their accounts at {connected.id}.")
    return connected.linking
