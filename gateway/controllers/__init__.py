"""One file per resource: parse, call one service, present. `CONTROLLERS` lists them all."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from gateway.controllers.benefits import BenefitsController
from gateway.controllers.breaks import BreaksController
from gateway.controllers.consents import ConsentsController
from gateway.controllers.conversions import ConversionsController
from gateway.controllers.entitlements import EntitlementsController
from gateway.controllers.frozen_accounts import FrozenAccountsController
from gateway.controllers.health import HealthController
from gateway.controllers.itineraries import ItinerariesController
from gateway.controllers.manual_cases import ManualCasesController
from gateway.controllers.me import MeController
from gateway.controllers.members import MembersController
from gateway.controllers.metrics import MetricsController
from gateway.controllers.oauth import OAuthController
from gateway.controllers.partner_links import PartnerLinksController
from gateway.controllers.partners import PartnersController
from gateway.controllers.programme import AccrualFilesController, OpeningBalancesController
from gateway.controllers.quotes import QuotesController
from gateway.controllers.redemptions import RedemptionsController
from gateway.controllers.settlement import SettlementController
from gateway.controllers.tier_matches import TierMatchesController
from gateway.controllers.vouchers import VouchersController
from gateway.controllers.watch import WatchController
from gateway.controllers.webhooks import WebhooksController

CONTROLLERS: tuple[ControllerRouterHandler, ...] = (
    AccrualFilesController,
    BenefitsController,
    BreaksController,
    ConsentsController,
    ConversionsController,
    EntitlementsController,
    FrozenAccountsController,
    HealthController,
    ItinerariesController,
    ManualCasesController,
    MeController,
    MembersController,
    MetricsController,
    OAuthController,
    OpeningBalancesController,
    PartnerLinksController,
    PartnersController,
    QuotesController,
    RedemptionsController,
    SettlementController,
    TierMatchesController,
    VouchersController,
    WatchController,
    WebhooksController,
)
"""Every route of the gateway but the OpenAPI file's."""
