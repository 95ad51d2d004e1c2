"""Decides what to do with a request: one policy a file, and `Journey`, which joins them."""

from halfopen.policy.credential import Credential
from halfopen.policy.journey import IllegalTransitionError, Journey, State
from halfopen.policy.options import (
    BreakerOptions,
    JourneyOptions,
    LimitOptions,
    ParkingOptions,
    PolicyOptions,
    RetryOptions,
)
from halfopen.policy.target import TargetState

__all__ = [
    "BreakerOptions",
    "Credential",
    "IllegalTransitionError",
    "Journey",
    "JourneyOptions",
    "LimitOptions",
    "ParkingOptions",
    "PolicyOptions",
    "RetryOptions",
    "State",
    "TargetState",
]
