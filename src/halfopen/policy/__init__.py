"""Decides what to do with a request: one policy a file, and `Journey`, which joins them."""

from halfopen.policy.credential import Credential
from halfopen.policy.journey import Journey
from halfopen.policy.journeys import Journeys
from halfopen.policy.options import (
    AfterCommit,
    BreakerOptions,
    JourneyOptions,
    JsonAnswers,
    LimitOptions,
    ParkingOptions,
    PolicyOptions,
    RetryOptions,
)
from halfopen.policy.target import TargetState
from halfopen.policy.transitions import IllegalTransitionError, State

__all__ = [
    "AfterCommit",
    "BreakerOptions",
    "Credential",
    "IllegalTransitionError",
    "Journey",
    "JourneyOptions",
    "Journeys",
    "JsonAnswers",
    "LimitOptions",
    "ParkingOptions",
    "PolicyOptions",
    "RetryOptions",
    "State",
    "TargetState",
]
