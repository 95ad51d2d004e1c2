"""How long one target takes for whole answers, compared with answers of about the same length.

Rules
1. A long answer takes longer than a short one, so a plain call's time alone says nothing about load. It is
   judged (see `slowness`) among those of about its own length: up to 16 tokens, up to 32, 64 and so on.
2. Among them its time is put in proportion to the square root of its length: half way between a time that
   is all waiting and one that is all writing. So it is at most 1.5 times off, which is not yet late.
3. An answer of unknown length, or of more than 16384 tokens, is not judged.
"""

import math
from typing import Final

from halfopen.policy.options import SlownessOptions
from halfopen.policy.slowness import Slowness

_SHORTEST: Final = 16
_LENGTHS: Final = 11
_LONGEST = _SHORTEST << (_LENGTHS - 1)


class AnswerTimes:
    """One target's times, by length. Not thread-safe; one event loop owns it."""

    __slots__ = ("_of_length",)

    def __init__(self, options: SlownessOptions) -> None:
        """Knows nothing."""
        self._of_length = [Slowness(options) for _ in range(_LENGTHS)]

    def of(self, tokens: int) -> Slowness | None:
        """The times of answers of about so many tokens. None: such an answer is not judged."""
        return self._of_length[((tokens - 1) // _SHORTEST).bit_length()] if 0 < tokens <= _LONGEST else None

    def in_proportion(self, seconds: float, tokens: int) -> float:
        """The time that the longest answer among those of this length would have taken."""
        longest = _SHORTEST << ((tokens - 1) // _SHORTEST).bit_length()
        least = longest // 2
        length = tokens if tokens > least else least  # noqa: FURB136 - max() takes longer than all the rest
        return seconds * math.sqrt(longest / length)
