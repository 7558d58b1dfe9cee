"""Vouchers at the partner's desk. Codes travel in bodies, never in addresses."""

from __future__ import annotations

from functools import partial

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK
from sqlalchemy import Connection

from gateway.controllers.answers import keyed_response, stored
from gateway.idempotency import Answer, IdempotencyKeys, keyed_request
from gateway.oauth.principal import Principal
from gateway.schemas.vouchers import ConsumeBody, UnconsumeBody, VerifyBody, VoucherAnswer
from gateway.services import vouchers
from gateway.wiring import Gateway


class VouchersController(Controller):
    """Verify, consume, take back."""

    path = "/v1/vouchers"
    tags = ("partners",)
    opt = {"scope": "vouchers:redeem"}  # noqa: RUF012

    @post("/verify", status_code=HTTP_200_OK)
    async def verify_voucher(
        self,
        data: JSONBody[VerifyBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
    ) -> VoucherAnswer:
        """Show what a code is good for; nothing changes."""
        operation = partial(vouchers.verify, partner=principal.partner_id, code=data.code, now=gateway.clock.now())
        return await gateway.database.read(operation)

    @post("/consume", status_code=HTTP_200_OK, opt={"idempotent": True})
    async def consume_voucher(
        self,
        data: JSONBody[ConsumeBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
    ) -> Response[VoucherAnswer]:
        """Consume a voucher, exactly once."""
        partner = principal.partner_id

        def work(connection: Connection) -> Answer:
            used = vouchers.consume(connection, partner=partner, body=data, now=gateway.clock.now())
            return stored(used, HTTP_200_OK)

        request = keyed_request(principal.caller, "consume_voucher", idempotency_key, data)
        return keyed_response(await keys.once(request, work), VoucherAnswer)

    @post("/unconsume", status_code=HTTP_200_OK, opt={"idempotent": True})
    async def unconsume_voucher(
        self,
        data: JSONBody[UnconsumeBody],
        gateway: NamedDependency[Gateway],
        principal: NamedDependency[Principal],
        keys: NamedDependency[IdempotencyKeys],
        idempotency_key: NamedDependency[str],
    ) -> Response[VoucherAnswer]:
        """Take back a consumption that was a mistake, shortly after it."""
        partner = principal.partner_id

        def work(connection: Connection) -> Answer:
            opened = vouchers.unconsume(connection, partner=partner, code=data.code, now=gateway.clock.now())
            return stored(opened, HTTP_200_OK)

        request = keyed_request(principal.caller, "unconsume_voucher", idempotency_key, data)
        return keyed_response(await keys.once(request, work), VoucherAnswer)
