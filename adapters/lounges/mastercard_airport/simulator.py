"""The simulated partner over real HTTP: Airport Experience's wire format and its request signatures.

Credentials: ``consumer_key`` and ``private_key``, whose public half it checks signatures with (published throw-away
values in `CREDENTIALS`). Own options (``--option``): ``unit_price`` of the contract in minor units for each visitor,
``zone`` of the lounges. Who and which lounge makes a condition happen is in `simulator_book`. Below ``/_simulator``,
``POST /visits`` ``{"account": "liu-4321", "lounge_code": "PVG1", "visitors": 2}`` lets somebody in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from adapters.lounges.mastercard_airport.simulator_book import AIRPORTS, ENTITLED, MAGIC, AirportBook, Row
from adapters.sdk.oauth1 import METHOD, base_string, body_hash, is_signed_by, read_private_key
from adapters.sdk.testing.control import answer, read
from adapters.sdk.testing.simulator import Operation, Simulator, SimulatorOptions
from catalogue.values import Money
from config.secrets import Secret

CREDENTIALS = {
    "consumer_key": "airport-simulator-consumer",
    "private_key": (
        "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDVBgVLCb4PFU3MBR1ZFLEcoKkM/pBLOhsb9HqZ9O6JVVVDoZwb"
        "qYczwzdsHg23x8B2bkHMikjFyWkNEm4QruJaztziZr4G0o18Zf+Er1akGBh0jRjvNSwZ5aj2sgk0s+QPmuUkLI7XMRDrbqWO1Qyw"
        "MkqZWmqTS+PF+mlVJiluG8PG4M3UNvPZ8comRUpjpAjMA09ss+5tkX8UjZHDJ873ISCkSTL9SwXwOdpMZBjJicf4tPrIjyhT8OtE"
        "yN0ncmWy54J7YdeAnDz9kqSW0RxIv2OkkSs1w5vvoYbvUM2+jhSczYd5iB2ZhX8ai9DMnAPdZ/FwNpszDc1carvrgKghAgMBAAEC"
        "ggEABlI/Knafy/FJJXZ6ZDgTuGKBGbhdHkpbXxU+ZR6qTGt6k/7x87UwZKYUmTH8HLnB+ZG0hKYO2kWrhx6GoxqZb3HnhpVfarLp"
        "TWl2b2DHnKd1ZFICjSiiBiO1Q5rNYKG88QSa65uh4ntbgez+3zHtxjW71nijJHtSRz/yy7rN7G07Ijf6iO/Ocfd/kaMIH5AholjE"
        "AUn3eCYeQUyE9FKz6yVBLVSFhgMNhaA0n3oOS1Adq/zq+D5Z4tSEZmJmU+YWYQt6SxjLBxvcizAqKv2xdCI0xA4igB69qtMFK/uR"
        "9OpjADSV+9Y48Mk/m88HVraJ7ijiCCYFU1fl3QqLYcQmRQKBgQDqWhncMT0ljHscl3v1FNbOmBlQ0I/z1E2xhzU0u4xLgaiayCPQ"
        "rR1gPNmqHML48/vQh2z2UxV+6FUZp/AvmUMNmqA5rFSozMbn+xlpEKfFCXOpDPxqnt7FFjelVHqMG2ktp1iwmCEo9mnQYRk4VNt9"
        "OWxvB6CbHPwRjYRVowpNxQKBgQDos4zClnVUTjHtFmREnETkUBjxRkjNmMJ7liDxqwNxDLsv7E+omkeTP4F1ohi/CGk1h0C3mEik"
        "n+n7Bnpl+MF9ZXgcJC0OEc2tVMjkOoWPNy3cUo0C5pFo5C7gMHnKLdgBLN0rVd+QXKhiAXe1wgtGzbxdUNn+dWkUgZvOAS1SrQKB"
        "gAgICnbXYScWR2nVbzQZALuXztZML4LFtdvtrE8gVlCIIwUa8s9F/4m6zCLeVXg+tFSTL5LJiiUNRU1Zygt3jyq6L9+KHmSij/aH"
        "TnmhTn6cMlCK12O4Ch5rAoEyAfknP1WHNKzoqcpDl6DCkyCxF8yU2Th85G4sch8P4IcmzUWZAoGAfxjKUeHB1bkb1cW8IClGC3mg"
        "Fe/whbLgzoWSGszwBUgR2Tv1yj3xyAAQooJVh8l9RUpJU72uN5RMRNol8hoq/GV2c9Bid2PL9dbwHo/EMRPPTZ4c/K+YTjULUVHI"
        "w1/EseeiKTAu+ndRVK4+hxyj8hkev80QM8ZHDXc49Qx5h8UCgYB75T4tEo6Gr6c4CmmVMn6uDQwjcnHVPocPi8C988nvXLGPFjsR"
        "4zPIbp3tYtGnJlTGfsY1ZZnwRq5lMgngmVEJ372YGf2IAsaNjOllK8Dk+4upwqmfmO3Tt0NPDNUXsU8UDkE5/yRf3s4abCrWRdR/"
        "cKn23hIZvKGfaTNdJ+3AZA=="
    ),
}
"""Published throw-away credentials; nothing but simulators knows them."""

WINDOW_SECONDS = 300
EXPIRED, LASTING = "2020-12-31", "2099-12-31"

AnyRequest = Request[Any, Any, Any]
Parameters = dict[str, str]

_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"', re.ASCII)

OPERATIONS = (
    Operation("card", "GET", "/loyalty/airport/digital-membership-cards"),
    Operation("entitlements", "GET", "/loyalty/airport/entitlements"),
    Operation("lounges", "GET", "/loyalty/airport/lounges"),
    Operation("lounge", "GET", "/loyalty/airport/lounges/{code}"),
    Operation("visits", "GET", "/loyalty/airport/visits"),
    Operation("statement", "GET", "/contract/statements/{date}"),
)


class RefusedError(Exception):
    """The request is refused."""

    def __init__(self, status: int, reason_code: str, *, recoverable: bool = False) -> None:
        """Keep what the answer says."""
        super().__init__(reason_code)
        self.status = status
        text = reason_code.replace("_", " ").capitalize()
        item = {"Source": "airport", "ReasonCode": reason_code, "Description": text, "Recoverable": recoverable}
        self.body = {"Errors": {"Error": [item | {"Details": text}]}}


class LetIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who visits which lounge now, with how many people in all."""

    account: str
    lounge_code: str
    visitors: int = 1
    fee: int = 0


def create_simulator(options: SimulatorOptions) -> Simulator:
    """Make the simulator of one partner."""
    partner = _Partner(options)
    return Simulator(
        options,
        book=partner.book,
        handlers=[*_card_handlers(partner), *_lounge_handlers(partner)],
        operations=OPERATIONS,
        control_handlers=_control_handlers(partner),
    )


class _Partner:
    """One running partner: who may call, and the answers in its wire format."""

    def __init__(self, options: SimulatorOptions) -> None:
        self.clock = options.clock
        given = {**CREDENTIALS, **options.credentials}
        price = Money(int(options.values.get("unit_price", "14000")), options.currency)
        zone = options.values.get("zone", "Asia/Shanghai")
        self.book = AirportBook(partner=options.partner, unit_price=price, zone=zone)
        self._consumer_key = given["consumer_key"]
        self._key = read_private_key(Secret(given["private_key"])).public_key()
        self._nonces: dict[str, int] = {}

    async def answer(self, request: AnyRequest, act: Callable[[Parameters], Any]) -> Response[bytes]:
        """Check the signature and the account, and answer what was asked or the error."""
        try:
            self.authorise(request, await request.body())
            query = {name: str(value) for name, value in request.query_params.items()}
            if not query.get("user_id") or len(query.get("pan_last_four_digits", "")) != 4:
                raise RefusedError(400, "INVALID_REQUEST")
            if MAGIC.get(query["pan_last_four_digits"]) == "no user":
                raise RefusedError(404, "USER_NOT_FOUND")
            return answer(act(query))
        except RefusedError as refusal:
            return answer(refusal.body, refusal.status)

    def authorise(self, request: AnyRequest, body: bytes) -> None:
        """Check signature, body hash, age, and that the nonce is new.

        Raises:
            RefusedError: 401; which of them failed is not said.
        """
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        given = {name: unquote(value) for name, value in _PARAMETER.findall(rest)}
        signature, stamp = given.pop("oauth_signature", ""), given.get("oauth_timestamp", "")
        now = int(self.clock.now().timestamp())
        url = (
            f"{request.scope['scheme']}://{request.headers.get('host', '')}{request.scope['raw_path'].decode('ascii')}"
        )
        text = base_string(request.method, f"{url}?{request.scope['query_string'].decode('ascii')}", given.items())
        holds = (
            (scheme, given.get("oauth_signature_method")) == ("OAuth", METHOD)
            and given.get("oauth_consumer_key") == self._consumer_key
            and given.get("oauth_body_hash") == body_hash(body)
            and stamp.isascii()
            and stamp.isdigit()
            and abs(now - int(stamp)) <= WINDOW_SECONDS
            and is_signed_by(self._key, text, signature)
        )
        nonce = given.get("oauth_nonce", "")
        self._nonces = {one: at for one, at in self._nonces.items() if now - at <= 2 * WINDOW_SECONDS}
        if not holds or not nonce or nonce in self._nonces:
            raise RefusedError(401, "UNAUTHORIZED")
        self._nonces[nonce] = now

    def card(self, query: Parameters) -> dict[str, Any]:
        condition = MAGIC.get(query["pan_last_four_digits"])
        if condition == "no card":
            return {"isDMCAvailable": False}
        number = f"34{int.from_bytes(query['user_id'].encode()[:4], 'big') % 10**6:06d}{query['pan_last_four_digits']}"
        return {
            "isDMCAvailable": True,
            "loungeAccessNumber": number,
            "expiration": EXPIRED if condition == "card expired" else LASTING,
            "cardOnFile": f"************{query['pan_last_four_digits']}",
            "code": f"SIM/{number}",
            "media": [],
        }

    def entitlements(self, query: Parameters) -> list[dict[str, Any]]:
        used = self.book.used(query["user_id"], query["pan_last_four_digits"])
        left = 0 if MAGIC.get(query["pan_last_four_digits"]) == "used up" else max(0, ENTITLED - used)
        counted = {"type": "Complimentary", "total": ENTITLED, "used": used, "pending": 0, "remaining": left}
        free = {"category": "VISIT", "freeGuestsPerExperience": 1, "sharedMemberGuestAllowance": True}
        return [free | {"memberEntitlements": counted, "guestEntitlements": counted}]

    def lounges(self, query: Parameters) -> list[dict[str, Any]]:
        if "search_text" not in query or "preferred_language" not in query:
            raise RefusedError(400, "INVALID_REQUEST")
        found = [code for code in AIRPORTS if query["search_text"] in (code, AIRPORTS[code][1])]
        return [
            {"code": code, "name": AIRPORTS[code][0], "city": AIRPORTS[code][1], "country": "China", "lounges": lounges}
            for code in found
            for lounges in [[{"loungeCode": one, "loungeName": _name(one)} for one in AIRPORTS[code][2]]]
        ]

    def lounge(self, code: str) -> dict[str, Any]:
        airport = next((airport for airport in AIRPORTS.values() if code in airport[2]), None)
        if airport is None:
            raise RefusedError(404, "LOUNGE_NOT_FOUND")
        return {
            "loungeCode": code,
            "loungeName": _name(code),
            "airportName": airport[0],
            "city": airport[1],
            "isGuestAllowed": code != "NOGUESTS",
            "dmcAccepted": code != "CASHONLY",
            "active": code != "CLOSED",
        }

    def visits(self, query: Parameters) -> list[dict[str, Any]]:
        today = self.clock.now().astimezone(self.book.zone).date()
        try:
            from_date = date.fromisoformat(query.get("transaction_date_from", (today - timedelta(days=90)).isoformat()))
            to_date = date.fromisoformat(query.get("transaction_date_to", today.isoformat()))
        except ValueError as error:
            raise RefusedError(400, "INVALID_REQUEST") from error
        rows = self.book.visits_of(query["user_id"], query["pan_last_four_digits"], from_date, to_date)
        return [self._visit(row) for row in rows]

    def _visit(self, row: Row) -> dict[str, Any]:
        day = f"{row.day.isoformat()}T00:00:00Z"
        return {
            "visitDate": day,
            "processedDate": day,
            "totalVisitors": row.visitors,
            "totalGuests": row.visitors - 1,
            "memberChargeCount": 1 if row.fee else 0,
            "nonMemberChargeCount": 0 if row.fee else row.visitors,
            "memberChargeCurrency": self.book.unit_price.currency,
            "memberChargeFee": row.fee,
            "memberChargeDeclined": False,
            "loungeCode": row.lounge_code,
            "loungeName": _name(row.lounge_code),
        }


def _card_handlers(partner: _Partner) -> list[Any]:
    @get("/loyalty/airport/digital-membership-cards")
    async def card(request: AnyRequest) -> Response[bytes]:
        return await partner.answer(request, partner.card)

    @get("/loyalty/airport/entitlements")
    async def entitlements(request: AnyRequest) -> Response[bytes]:
        return await partner.answer(request, partner.entitlements)

    @get("/contract/statements/{business_date:date}")
    async def statement(request: AnyRequest, business_date: FromPath[date]) -> Response[bytes]:
        frame: Simulator = request.app.state.simulator
        try:
            partner.authorise(request, b"")
        except RefusedError as refusal:
            return answer(refusal.body, refusal.status)
        return Response(frame.statement(business_date)[1], media_type="text/csv")

    return [card, entitlements, statement]


def _lounge_handlers(partner: _Partner) -> list[Any]:
    @get("/loyalty/airport/lounges")
    async def lounges(request: AnyRequest) -> Response[bytes]:
        return await partner.answer(request, partner.lounges)

    @get("/loyalty/airport/lounges/{code:str}")
    async def lounge(request: AnyRequest, code: FromPath[str]) -> Response[bytes]:
        return await partner.answer(request, lambda _: partner.lounge(code))

    @get("/loyalty/airport/visits")
    async def visits(request: AnyRequest) -> Response[bytes]:
        return await partner.answer(request, partner.visits)

    return [lounges, lounge, visits]


def _control_handlers(partner: _Partner) -> list[Any]:
    @post("/visits")
    async def let_in(request: AnyRequest) -> Response[bytes]:
        who: LetIn = await read(request, LetIn)
        return answer(partner.book.visit(who.account, who.lounge_code, partner.clock.now(), who.visitors, who.fee), 201)

    return [let_in]


def _name(code: str) -> str:
    return f"Simulated lounge {code}"
