"""What the catalogue refuses.

GatewayError (config.errors)
|-- ConfigurationError
|   `-- CatalogueFileError        a programme, benefit, conversion or tier file is wrong; names file and key
`-- RuleError                     422
    |-- NotEligibleError          the member may not have the benefit; carries every reason
    |-- EntitlementExhaustedError nothing remains in the window
    |-- ConversionRefusedError    below the minimum, off the increment, above the cap, no rate in force
    |-- TierMatchRefusedError     no edge, or the status may not be matched onward
    |-- VoucherRefusedError       unknown, expired, consumed, of another partner
    `-- BulkFileError             a bulk file that cannot be counted is refused whole
"""

from __future__ import annotations

from config.errors import ConfigurationError, RuleError


class CatalogueFileError(ConfigurationError):
    """A catalogue file is wrong; the message names file and key."""

    code = "catalogue_file"


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
