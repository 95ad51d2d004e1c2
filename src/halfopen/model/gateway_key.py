"""The keys by which the gateway knows its callers, and what each may spend."""

from enum import Enum

import msgspec


class Per(Enum):
    """The windows of budgets. All begin in UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class Budget(msgspec.Struct, frozen=True):
    """What a caller may spend in each window. None: as much as it likes."""

    per: Per
    requests: int | None = None
    tokens: int | None = None
    """Of prompts and answers together, wasted ones included."""
    nusd: int | None = None
    """Billionths of a US dollar."""


class GatewayKey(msgspec.Struct, frozen=True):
    """One key. The secret itself is kept nowhere."""

    id: str
    """A part of the key itself, by which it is found."""
    name: str
    """Whose key it is: the name of the caller."""
    sha256: str
    """Of the whole key. In hexadecimal digits."""
    created_wall_s: float
    """Seconds since the Unix epoch."""
    budget: Budget | None = None
    revoked_wall_s: float | None = None
    """Since when it is refused; None: it is good."""
