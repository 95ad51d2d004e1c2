"""A target's no, with its reason and its end."""

from enum import Enum

import msgspec

from halfopen.policy.never import NEVER


class Refusal(Enum):
    """Why a target takes no call now."""

    PARKED = "credential parked"
    THROTTLED = "throttled by the provider"
    PACED = "the provider's rate limit is used up"
    BREAKER_OPEN = "breaker open"
    SLOW_START = "recovering: only part of the traffic goes there"
    CROWDED = "answers come late: who has another choice goes there"
    NO_ROOM = "too many calls in flight"
    NO_BUDGET = "the caller repeats a request, and the retry budget is spent"


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A target's no, with its reason."""

    reason: Refusal
    until: float
    """When to ask again; infinity: not by waiting."""
    at_best: float = NEVER
    """When it may be sooner than `until`: only a part of a limit is ours, and the part may grow."""
