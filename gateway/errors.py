"""What the gateway's own room refuses.

GatewayError (config.errors)
|-- ConflictError                   409
|   |-- TransitionError             the redemption is not in a state that allows this
|   |-- PartnerRefusedError         the partner said a definite no; names the redemption
|   `-- KeyInFlightError            another request with the same Idempotency-Key has not committed yet
|-- RuleError                       422
|   |-- QuoteExpiredError           the locked price has ended
|   |-- QuoteUsedError              the quote already has a redemption
|   |-- RiskCapError                undecided redemptions at this partner hold as many points as are allowed
|   |-- LinkRefusedError            an answer to a request to link that is not open, or not this member's
|   `-- KeyReusedError              the same Idempotency-Key with another request
|-- MalformedError                  400
|   |-- KeyMissingError             a value-moving request without an Idempotency-Key
|   `-- CursorError                 a page cursor that this gateway did not make for this list
|-- UnavailableError                503: nothing was changed, the same request later may work
|   |-- PartnerDisabledError        operators have switched the partner off
|   `-- PartnerBusyError            as much is under way at the partner as it takes, or it does not answer
`-- RequestError
    |-- UnauthenticatedError        401: no token, or one that is not accepted; all refusals look alike
    |-- ForbiddenError              403: the token lacks the scope of the route
    |-- BodyTooLargeError           413
    |-- MediaTypeError              415
    `-- ReplayedRefusalError        the stored refusal of an Idempotency-Key, told again
"""

from __future__ import annotations

from config.errors import ConflictError, MalformedError, RequestError, RuleError, UnavailableError


class TransitionError(ConflictError):
    """The redemption is not in a state that allows this."""

    code = "state_conflict"


class PartnerRefusedError(ConflictError):
    """The partner said a definite no; nothing was taken. The facts name the redemption."""

    code = "partner_refused"


class KeyInFlightError(ConflictError):
    """Another request with the same key is being worked on and has not committed."""

    code = "idempotency_key_in_flight"


class QuoteExpiredError(RuleError):
    """The locked price has ended; a new quote is needed."""

    code = "quote_expired"


class QuoteUsedError(RuleError):
    """The quote already has a redemption."""

    code = "quote_used"


class RiskCapError(RuleError):
    """Undecided redemptions at this partner already hold as many points as its file allows."""

    code = "points_at_risk"


class LinkRefusedError(RuleError):
    """What came back from a partner belongs to no request to link of this member that is still open."""

    code = "link_refused"


class KeyReusedError(RuleError):
    """The same Idempotency-Key came with another request."""

    code = "idempotency_key_reused"


class KeyMissingError(MalformedError):
    """A request that moves value came without an Idempotency-Key, or with one that is no key."""

    code = "idempotency_key_missing"


class CursorError(MalformedError):
    """A page cursor that was tampered with or belongs to another list or caller."""

    code = "cursor_invalid"


class UnauthenticatedError(RequestError):
    """No token, or one that is not accepted; the message never says why, the log does."""

    code = "unauthenticated"


class ForbiddenError(RequestError):
    """The token is good and does not carry the scope that the route asks for."""

    code = "forbidden"


class BodyTooLargeError(RequestError):
    """The body is larger than the route takes, by its declared or its real size."""

    code = "body_too_large"


class MediaTypeError(RequestError):
    """The body is of another media type or content coding than the route takes."""

    code = "unsupported_media_type"


class ReplayedRefusalError(RequestError):
    """The refusal that this Idempotency-Key got the first time; ``refusal`` is the code of that error."""

    code = "replayed_refusal"

    def __init__(self, refusal: str, message: str, **facts: str | int | None) -> None:
        """Keep the code of the first answer beside its message and facts."""
        super().__init__(message, **facts)
        self.refusal = refusal


class PartnerDisabledError(UnavailableError):
    """Operators have switched the partner off: nothing new is taken in; what is open there is finished."""

    code = "partner_disabled"


class PartnerBusyError(UnavailableError):
    """As many calls run and wait at the partner as may, or it does not answer: nothing new is taken in for a while."""

    code = "partner_busy"
