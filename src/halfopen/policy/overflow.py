"""A prompt that did not fit into a model's context, and who else may take it.

Rules
1. When it overflowed the target that was asked for, only a target whose context is known to be larger
   is worth a call: a guess would only delay the error that tells the caller to shorten the prompt.
2. An unknown context that overflowed counts as 32,768 tokens: less than most of today's models have.
3. When it overflowed a stand-in, nothing follows: the target that was asked for may be passed over for
   another reason, and what it says of the prompt counts.
"""

from dataclasses import dataclass, replace

from halfopen.model import Target

CONTEXT_ASSUMED_TOKENS = 32_768


@dataclass(frozen=True, slots=True)
class Overflow:
    """The largest context that the request has overflowed."""

    index: int
    """The first target that said so."""
    tokens: int
    """What the context is known, or taken, to hold. 0: nothing is known."""
    asked_for: bool
    """Whether that was the target that was asked for."""

    @staticmethod
    def of(index: int, target: Target, *, asked_for: bool) -> "Overflow":
        """A target says that the request is too long."""
        known = target.capabilities.context_tokens
        assumed = CONTEXT_ASSUMED_TOKENS if asked_for else 0
        return Overflow(index, assumed if known is None else known, asked_for=asked_for)

    def also(self, target: Target) -> "Overflow":
        """Another target says so, too."""
        return replace(self, tokens=max(self.tokens, target.capabilities.context_tokens or 0))

    def reason_against(self, target: Target) -> str | None:
        """Why a target is not worth a call; None: it is."""
        if not self.asked_for:
            return None
        known = target.capabilities.context_tokens
        if known is None:
            return "its context is not known to be larger"
        if known <= self.tokens:
            return f"its context of {known} tokens is no larger than the {self.tokens} that overflowed"
        return None
