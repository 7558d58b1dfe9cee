"""Works the inbox off: a signed callback is a hint that makes us look; it moves nothing by itself (rule R9)."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from adapters.sdk.capabilities import LooksUp, ReceivesWebhooks
from adapters.sdk.errors import WebhookError
from adapters.sdk.records import CANCELLED_EVENT, PartnerEvent
from config.clock import Clock
from config.database import Database
from config.errors import DatabaseError
from config.observability import get_logger
from gateway.partners import Partners
from gateway.redemption import store
from gateway.redemption.observer import Observer
from gateway.redemption.states import TERMINAL, State
from gateway.webhooks import inbox
from gateway.webhooks.inbox import InboxMessage

log = get_logger(__name__)

INTERVAL_SECONDS = 1.0
BATCH = 50


class HintError(WebhookError):
    """A verified callback that cannot be acted on yet; it is tried again and ends in the dead letter."""


class InboxWorker:
    """Reads messages that are due and has the redemptions they name looked at."""

    def __init__(self, database: Database, clock: Clock, partners: Partners, observer: Observer) -> None:
        """Keep the seams."""
        self._database = database
        self._clock = clock
        self._partners = partners
        self._observer = observer

    async def run(self) -> None:
        """Work until cancelled; a database that does not answer is waited for."""
        while True:
            try:
                await self.work()
            except DatabaseError as error:
                log.warning("inbox.database", reason=error.message)
            await self._clock.sleep(INTERVAL_SECONDS)

    async def work(self) -> int:
        """Work off what is due now and answer how many messages that was."""
        messages = await self._database.read(partial(inbox.due, now=self._clock.now(), limit=BATCH))
        for message in messages:
            await self._one(message)
        return len(messages)

    async def _one(self, message: InboxMessage) -> None:
        try:
            await self._act(message)
        except Exception as error:  # noqa: BLE001
            # Whatever a poisonous message raises, the others go on; ten tries, then people.
            reason = error.message if isinstance(error, WebhookError) else type(error).__name__
            if await self._database.write(partial(self._failed, message, reason)):
                log.error("inbox.dead_letter", partner=message.partner, message_id=message.message_id, reason=reason)

    def _failed(self, message: InboxMessage, reason: str, connection: Connection) -> bool:
        """Put a message off; one that is dead by now is an alarm."""
        now = self._clock.now()
        dead = inbox.failed(connection, message.id, reason, now)
        if dead:
            self._observer.callback_died(connection, message.partner, message.message_id, reason, now)
        return dead

    async def _act(self, message: InboxMessage) -> None:
        connected = self._partners.get(message.partner)
        if connected is None or not isinstance(connected.adapter, ReceivesWebhooks):
            raise HintError("The partner is switched off.")
        event = connected.adapter.read_webhook(message.message_id, message.body)
        ended = await self._database.write(partial(self._wake, message, event))
        if ended is None:
            return
        cancelled = event is not None and event.kind == CANCELLED_EVENT
        if not await self._observer.look(ended, event.occurred_at if event is not None and cancelled else None):
            raise HintError("The partner did not say what became of it.")
        await self._database.write(partial(inbox.done, inbox_id=message.id, at=self._clock.now()))

    def _wake(self, message: InboxMessage, event: PartnerEvent | None, connection: Connection) -> str | None:
        """Wake an undecided redemption and finish the message; answer the id of one that has ended and needs a look.

        The look has effects with derived keys only, so that a crash before the message is finished repeats nothing.
        """
        now = self._clock.now()
        if event is None:
            inbox.done(connection, message.id, now)
            return None
        redemption = None
        if event.reference is not None:
            redemption = store.find_by_partner_key(connection, message.partner, event.reference)
        if redemption is None:
            raise HintError("It names no redemption that we know.")
        store.lock(connection, redemption.id)
        redemption = store.must_get(connection, redemption.id)
        can_be_asked = isinstance(self._partners[message.partner].adapter, LooksUp)
        if redemption.state is State.SUBMITTING or redemption.newer:
            raise HintError("It is being submitted just now, or only a later version of the code understands it.")
        if redemption.state in TERMINAL and can_be_asked:
            return redemption.id
        if can_be_asked:
            store.wake(connection, redemption.id, now)
        else:
            self._observer.count_or_show(connection, redemption, event, now)
        inbox.done(connection, message.id, now)
        return None
