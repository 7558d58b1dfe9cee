"""The rules of redemption as switches: the checker must find what goes wrong without each. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Rules(NamedTuple):
    """Which rules hold; a switch that is off takes one of the code's away, or a partner's promise that we rely on."""

    hold_first: bool = True
    """R1: the points are held in the transaction that makes the redemption."""
    attempt_first: bool = True
    """R2: the attempt is written down, and the state left, before the call."""
    same_key: bool = True
    """R3: every attempt carries the same key."""
    only_two_are_definite: bool = True
    """R4: an answer that proves nothing releases nothing."""
    never_by_age: bool = True
    """R4: no timer releases a hold."""
    absence_proves_nothing: bool = True
    """R5: not found does not void."""
    window_with_margins: bool = True
    """R5: a window proves absence only after skew, processing and staleness."""
    resubmit_to_idempotent_only: bool = True
    """R6."""
    cancelling_is_one_way: bool = True
    """R7: only a cancel answer ends it."""
    guarded: bool = True
    """R8: a result is recorded only if nothing changed since and the lease is still one's own."""
    webhooks_are_hints: bool = True
    """R9: what a callback says moves nothing."""
    no_to_a_repeat_is_not_final: bool = True
    """R12."""
    signed_once: bool = True
    """R14: what fences by its signature's age carries one time for all attempts."""
    signature_kept: bool = True
    """R14: each copy carries the signature that was kept with its attempt, never one that is made anew."""


ALL = Rules()
