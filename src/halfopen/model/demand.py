"""What one request asks of everything that requests share."""

from enum import Enum

import msgspec


class Priority(Enum):
    """Who goes first when there is not room for all."""

    INTERACTIVE = "interactive"
    """Somebody waits for the answer."""
    BULK = "bulk"
    """A batch, an evaluation, a night run: it gets what is left."""


class Demand(msgspec.Struct, frozen=True, gc=False):
    """One request's size, rank and history, as far as they are known before it is sent."""

    input_tokens: int = 0
    """Tokens of the prompt, estimated. 0: not known."""
    output_tokens: int = 0
    """Tokens of the answer, estimated. 0: not known."""
    priority: Priority = Priority.INTERACTIVE
    caller: str = ""
    """Whose request it is: callers get fair shares of what there is. Never a secret."""
    repeats: int = 0
    """How often the caller has sent this request before: it is a retry by somebody else, when not 0."""
    patience_s: float | None = None
    """The caller leaves after this long. Seconds; None: not known."""

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.input_tokens + self.output_tokens
