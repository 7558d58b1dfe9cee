"""What the ledger and the settlement refuse.

GatewayError (config.errors)
|-- LedgerError                        a movement that is not made; nothing was written
|   |-- JournalEntryError              the entry itself is wrong: unbalanced, one-sided, zero, not an integer
|   |-- QuantityError (RuleError)      a quantity that is not a positive whole number below 2^62
|   |-- InsufficientFundsError (RuleError)     the member has not got it
|   |-- LedgerConflictError (ConflictError)    the key is known with another content
|   |-- AccountFrozenError (UnavailableError)  the audit stopped an account; people release it
|   `-- LedgerStateError (ConflictError)       the hold or capture is not in a state that allows this
|-- ObligationError                    a fact that no contract term prices; an operator mends the contract
`-- ConfigurationError
    `-- ContractError                  a partner's ``[contract]`` table is wrong; names partner and key
"""

from __future__ import annotations

from config.errors import ConfigurationError, ConflictError, GatewayError, RuleError, UnavailableError


class LedgerError(GatewayError):
    """The ledger did not make a movement."""

    code = "ledger"


class JournalEntryError(LedgerError):
    """An entry that must never reach the database; a fault of the code that made it."""

    code = "journal_entry"


class QuantityError(LedgerError, RuleError):
    """A quantity that cannot be moved."""

    code = "quantity"


class InsufficientFundsError(LedgerError, RuleError):
    """Too little is available; the facts say what was asked for."""

    code = "insufficient_funds"


class LedgerConflictError(LedgerError, ConflictError):
    """A known key came back with another amount, account, commodity or reference."""

    code = "exists_with_different_content"


class LedgerStateError(LedgerError, ConflictError):
    """The hold or capture was ended otherwise, or was never there; the fact ``state`` says which."""

    code = "ledger_state"


class AccountFrozenError(LedgerError, UnavailableError):
    """An account of the movement is stopped until two people have released it; nothing was written (503)."""

    code = "account_frozen"


class ObligationError(GatewayError):
    """No term of the partner's contract prices this fact on its service date."""

    code = "no_terms_in_force"


class ContractError(ConfigurationError):
    """A partner's contract cannot be used as it is written."""

    code = "contract"


class RunInProgressError(ConflictError):
    """A reconciliation of the same partner and business date is running; wait for it."""

    code = "run_in_progress"


class LeaseLostError(UnavailableError):
    """The work took longer than its lease and somebody else took over; running it again is safe."""

    code = "lease_lost"


class ExportError(GatewayError):
    """A figure that must not leave in a file, named with its column; nothing was written."""

    code = "export_refused"
