"""Who owes whom, and is it true: the ledger of points and money, partner contracts, and the nightly reconciliation.

Knows partners only through `adapters.sdk`. The matching engines are imported below `settlement.matching` only.
"""
