"""What a partner can do: one small protocol each. Implementing one is the opt-in and must equal the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol, runtime_checkable

import msgspec

from adapters.sdk.account_records import AccountCheck, AccountRequest, PointsReversal, StatusGrant, StatusReport
from adapters.sdk.link_tokens import LinkedAccount
from adapters.sdk.records import (
    CancelResult,
    LookUpResult,
    Offer,
    OfferRequest,
    OfferSearch,
    PartnerEvent,
    PartnerVoucher,
    ReservationRequest,
    StatementFile,
    StepResult,
    Usage,
)


class Step(msgspec.Struct, frozen=True):
    """One call of a reservation. Exactly one is the commit; only it can grant the benefit.

    What a step before it leaves behind (a held room) has to end by itself at the partner: nothing here releases it.
    """

    name: str
    commit: bool = False


@runtime_checkable
class QuotesOffers(Protocol):
    """Prices services and says whether they are to be had."""

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        """Answer the offers that fit, best first; none is an empty tuple.

        Raises:
            PartnerError: the partner gave no trustworthy answer.
        """
        ...


@runtime_checkable
class Reserves(Protocol):
    """Issues a benefit by our key, in ordered steps."""

    steps: tuple[Step, ...]

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Make the one call of a step. Never raises for what the partner answers: the outcome says it."""
        ...


@runtime_checkable
class LooksUp(Protocol):
    """Tells by our key what became of a reservation."""

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        """Ask; anything not understood is UNKNOWN."""
        ...


@runtime_checkable
class Cancels(Protocol):
    """Cancels by the partner's own reference or link: not a fence."""

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Ask for the cancellation of what was issued; asked again for what is cancelled, it answers OK again."""
        ...


@runtime_checkable
class Fences(Protocol):
    """Cancels by our key and leaves a tombstone: a late copy of the request can no longer be granted."""

    async def fence(self, request: ReservationRequest) -> CancelResult:
        """Raise the fence; OK means that the key is dead for ever."""
        ...


@runtime_checkable
class ReceivesWebhooks(Protocol):
    """Understands the partner's callbacks."""

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], now: int) -> str:
        """Verify over the raw bytes and answer the message id.

        Args:
            headers: names in lower case.
            body: as received.
            secrets: every live secret of this partner's path.
            now: Unix seconds.

        Raises:
            WebhookError: not authentic, too old, or malformed.
        """
        ...

    def read_webhook(self, message_id: str, body: bytes) -> PartnerEvent | None:
        """Read a verified body; None for an event kind that is of no interest.

        Raises:
            WebhookError: the body is not what the partner documents.
        """
        ...


@runtime_checkable
class ReportsStatements(Protocol):
    """Accounts for a business day in a file."""

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read a statement file; row faults are data.

        Raises:
            StatementError: a structural fault: the file is refused whole.
        """
        ...

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch the file of a day as (name, content); None when there is none yet."""
        ...


@runtime_checkable
class ReportsUsage(Protocol):
    """Tells what a member used, when it is asked: for partners that know no reference of ours."""

    async def fetch_usage(self, account: str, from_date: date, to_date: date) -> tuple[Usage, ...]:
        """Ask for the uses of an account, both days included, in the partner's order.

        Raises:
            PartnerError: the partner gave no trustworthy answer.
        """
        ...


@runtime_checkable
class LinksAccounts(Protocol):
    """Knows a member by the permission that he gave at the partner; the SDK does the linking itself."""

    async def read_account(self, link: str) -> LinkedAccount:
        """Ask, in the member's name (``PartnerCall(link=link)``), which account the link is of.

        Raises:
            PartnerError: no trustworthy answer; `AuthenticationError` when the partner does not take the link.
        """
        ...


@runtime_checkable
class ValidatesMembers(Protocol):
    """Says whether an account is this member's."""

    async def validate_member(self, request: AccountRequest) -> AccountCheck:
        """Ask; it changes nothing there. Never raises for what the partner answers: the outcome says it.

        NO needs a documented refusal that is about this account. That our own credentials or our form were refused
        says nothing of the member: it is UNKNOWN.
        """
        ...


@runtime_checkable
class ReportsStatus(Protocol):
    """Reports the tier that an account has."""

    async def report_status(self, request: AccountRequest) -> StatusReport | None:
        """Ask for the tier as it is now; None where this partner has chosen not to report any.

        Raises:
            PartnerError: the partner gave no trustworthy answer.
        """
        ...


@runtime_checkable
class CreditsPoints(Protocol):
    """Gives the partner's currency to an account: a `Reserves` that takes a `Mileage` of the direction ``credit``."""

    async def reverse_credit(self, request: PointsReversal) -> CancelResult:
        """Take back what a credit gave: the six outcomes, as everywhere; the sum never exceeds the credit.

        OK: taken back. NO: a documented refusal, what was credited stands. Where the partner takes no key for it, a
        refusal of a ``repeated`` request may be of the copy, and is UNKNOWN.
        """
        ...


@runtime_checkable
class DebitsPoints(Protocol):
    """Takes the partner's currency from an account: a `Reserves` that takes a `Mileage` of the direction ``debit``."""

    async def reverse_debit(self, request: PointsReversal) -> CancelResult:
        """Give back what a debit took; see `CreditsPoints.reverse_credit`."""
        ...


@runtime_checkable
class IssuesVouchers(Protocol):
    """Gives a voucher of its own for what was reserved there."""

    async def fetch_voucher(self, request: ReservationRequest, partner_reference: str) -> PartnerVoucher | None:
        """Read the voucher; asking issues nothing. None where the partner has none for it (any more).

        Raises:
            PartnerError: the partner gave no trustworthy answer, or one about another reservation.
        """
        ...


@runtime_checkable
class GrantsStatus(Protocol):
    """Gives an account a tier on request, by our key."""

    async def grant_status(self, request: StatusGrant) -> StepResult:
        """Ask for it; a repeat with the same key changes nothing and is OK again. Never raises; see `StatusGrant`."""
        ...


@runtime_checkable
class SearchesOffers(Protocol):
    """Says what there is at a place and time: many things, where `QuotesOffers` prices one."""

    async def search_offers(self, request: OfferSearch) -> tuple[Offer, ...]:
        """Answer an offer of each thing, best first, at most ``limit``; its ``service`` names the thing.

        Raises:
            PartnerError: the partner gave no trustworthy answer.
        """
        ...
