"""The partner's messages, under the partner's own field names."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from adapters.sdk.codec import AwareInstant


class State(StrEnum):
    """What became of a job."""

    OPEN = "open"
    CANCELLED = "cancelled"
    DEAD = "dead"


class Fare(msgspec.Struct, frozen=True):
    """A price: fen, and the currency."""

    fen: int
    currency: str


class Trip(msgspec.Struct, frozen=True):
    """From where to where, when, for how many."""

    origin: str
    destination: str
    at: AwareInstant
    seats: int


class FareQuery(msgspec.Struct, frozen=True):
    """``POST /v2/fares``."""

    trip: Trip
    currency: str


class FareAnswer(msgspec.Struct, frozen=True):
    """A fare that holds until an instant."""

    fare_id: str
    fare: Fare
    until: AwareInstant


class JobBody(msgspec.Struct, frozen=True):
    """``POST /v2/jobs``."""

    job_key: str
    fare_id: str
    trip: Trip
    fare: Fare


class Job(msgspec.Struct, frozen=True):
    """A job; of a dead key nothing but the key and the state."""

    job_key: str
    state: State
    job_id: str | None = None
    trip: Trip | None = None
    fare: Fare | None = None


class Fault(msgspec.Struct, frozen=True):
    """Every answer that is not 2xx."""

    reason: str
    job_key: str | None = None
