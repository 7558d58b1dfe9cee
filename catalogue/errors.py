"""What the catalogue refuses.

GatewayError (config.errors)
|-- ConfigurationError
|   `-- CatalogueFileError        a programme, benefit, conversion or tier file is wrong; names file, line and key
|-- UnavailableError
|   `-- RateUnavailableError      no rate of exchange is known for the day, or only one that is too old
`-- RuleError                     422
    |-- CatalogueRefusedError     applying would change terms in force, or with too short a notice
    |-- RateFeedRefusedError      a file of rates of exchange is wrong; carries every finding
    |-- BudgetExhaustedError      the budget of the benefit is used up in the period
    |-- NotEligibleError          the member may not have the benefit; carries every reason
    |-- EntitlementExhaustedError nothing remains in the window
    |-- ConversionRefusedError    below the minimum, off the increment, above the cap, no rate in force
    |-- TierMatchRefusedError     no edge, or the status may not be matched onward
    |-- VoucherRefusedError       unknown, expired, consumed, of another partner
    `-- BulkFileError             a bulk file that cannot be counted is refused whole
"""

from __future__ import annotations

from config.errors import ConfigurationError, RuleError, UnavailableError


class CatalogueFileError(ConfigurationError):
    """A catalogue file is wrong; the message names file, line and key, and so do the facts."""

    code = "catalogue_file"


class CatalogueRefusedError(RuleError):
    """Applying would change terms that are in force, or with too short a notice; the message has a line for each."""

    code = "catalogue_refused"


class RateFeedRefusedError(RuleError):
    """A file of rates of exchange is refused whole; the message has a line for each finding."""

    code = "rate_feed_refused"


class RateUnavailableError(UnavailableError):
    """No rate of exchange is known for a day, or only one that is too old; nothing was converted."""

    code = "rate_unavailable"


class BudgetExhaustedError(RuleError):
    """The budget of the benefit is used up in the period of the service; the facts say when the next one begins."""

    code = "budget_exhausted"


class NotEligibleError(RuleError):
    """The member may not have the benefit."""

    code = "not_eligible"


class EntitlementExhaustedError(RuleError):
    """No use of the entitlement remains in the window."""

    code = "entitlement_exhausted"


class ConversionRefusedError(RuleError):
    """The conversion contract does not allow this quantity at this time."""

    code = "conversion_refused"


class TierMatchRefusedError(RuleError):
    """No edge of the tier graph grants this."""

    code = "tier_match_refused"


class VoucherRefusedError(RuleError):
    """The voucher cannot be used here and now."""

    code = "voucher_refused"


class BulkFileError(RuleError):
    """A file of accruals or opening balances is refused whole and nothing of it was taken; may name a ``row``."""

    code = "bulk_file_refused"
