"""What a provider says about its rate limits."""

from enum import Enum

import msgspec


class Dimension(Enum):
    """What is counted."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    """Input and output together."""
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"


class RateLimit(msgspec.Struct, frozen=True, gc=False):
    """One limit, as the headers of one answer tell it. None: they don't.

    A struct, because many answers tell several: a frozen dataclass takes ten times as long to make.
    """

    dimension: Dimension
    limit: float | None = None
    """How much a full allowance is."""
    remaining: float | None = None
    """How much is left of it."""
    reset_s: float | None = None
    """Seconds until the allowance is full again."""
    window_s: float | None = None
    """How long the provider takes to grant a full allowance, where its headers say so. Seconds."""
