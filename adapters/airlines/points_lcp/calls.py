"""P: the calls, one function each; what an answer to them proves is in `responses`."""

from __future__ import annotations

from datetime import date

from adapters.airlines.points_lcp.wire import CreditRequest, MemberValidationRequest, OrderRequest, ReversalRequest
from adapters.sdk.calls import PartnerCall
from adapters.sdk.codec import encode

STATEMENT_CAP_BYTES = 64 * 1024 * 1024
STATEMENT_DEADLINE_SECONDS = 120.0


def validate_member(programme: str, body: MemberValidationRequest) -> PartnerCall:
    """``POST /v1/lps/{programme}/mvs/``."""
    return PartnerCall(operation="validate_member", method="POST", path=f"/v1/lps/{programme}/mvs/", body=encode(body))


def create_order(body: OrderRequest) -> PartnerCall:
    """``POST /v1/orders/``."""
    return PartnerCall(operation="create_order", method="POST", path="/v1/orders/", body=encode(body))


def credit(programme: str, body: CreditRequest) -> PartnerCall:
    """``POST /v1/lps/{programme}/credits/``."""
    return PartnerCall(operation="credit", method="POST", path=f"/v1/lps/{programme}/credits/", body=encode(body))


def debit(programme: str, body: CreditRequest) -> PartnerCall:
    """``POST /v1/lps/{programme}/debits/``."""
    return PartnerCall(operation="debit", method="POST", path=f"/v1/lps/{programme}/debits/", body=encode(body))


def reverse(path: str, body: ReversalRequest) -> PartnerCall:
    """``POST`` a reversal to where the contract lays it."""
    return PartnerCall(operation="reverse", method="POST", path=path, body=encode(body))


def get_order(path: str) -> PartnerCall:
    """``GET`` an order by the path that `mapping.order_path` gave."""
    return PartnerCall(operation="get_order", method="GET", path=path)


def get_credit(path: str) -> PartnerCall:
    """``GET`` a credit or debit by the path that `mapping.credit_path` gave."""
    return PartnerCall(operation="get_credit", method="GET", path=path)


def get_statement(path: str, business_date: date) -> PartnerCall:
    """``GET`` the contractual statement file of a day; its path has ``{date}``. A file is larger than an answer."""
    return PartnerCall(
        operation="get_statement",
        method="GET",
        path=path.replace("{date}", business_date.isoformat()),
        deadline_seconds=STATEMENT_DEADLINE_SECONDS,
        body_cap_bytes=STATEMENT_CAP_BYTES,
    )
