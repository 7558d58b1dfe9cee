"""What can go wrong between us and a partner, classed by what must happen next.

GatewayError (config.errors)
|-- PartnerError                  reading calls raise these; writes answer an `Outcome` instead
|   |-- RejectedError             a definite no
|   |-- PartnerUnavailableError   provably not applied; may be tried again
|   |-- OutcomeUnknownError       sent, no trustworthy answer; never resent blindly
|   |-- AuthenticationError       our credentials were refused; an operator must look
|   `-- ProtocolError             an answer that is not what the partner documents
|-- WebhookError                  refused: all refusals look alike from outside (401)
|-- StatementError                structural fault: the file is quarantined whole
`-- ConfigurationError
    `-- ManifestError             an adapter's manifest or package is wrong; names it and the rule
        `-- TooSlowError          a package's code did not end in time; it was left behind
"""

from __future__ import annotations

from config.errors import ConfigurationError, GatewayError


class PartnerError(GatewayError):
    """A partner gave no usable answer to a reading call."""

    code = "partner"


class RejectedError(PartnerError):
    """The partner said no, in a documented way."""

    code = "partner_rejected"


class PartnerUnavailableError(PartnerError):
    """Nothing was applied; trying again later may work."""

    code = "partner_unavailable"


class OutcomeUnknownError(PartnerError):
    """The request may have been applied."""

    code = "partner_unknown"


class AuthenticationError(PartnerError):
    """The partner refused our credentials."""

    code = "partner_authentication"


class ProtocolError(PartnerError):
    """The answer breaks the partner's own documentation or our strict reading of it."""

    code = "partner_protocol"


class WebhookError(GatewayError):
    """A callback that is not accepted."""

    code = "webhook_refused"


class StatementError(GatewayError):
    """A statement file that is refused whole; the message names file and row."""

    code = "statement_refused"


class ManifestError(ConfigurationError):
    """An adapter that cannot be used; the message names it, the rule and the fix."""

    code = "adapter_manifest"


class TooSlowError(ManifestError):
    """A package's code did not end in time; it was left behind."""

    code = "adapter_too_slow"
