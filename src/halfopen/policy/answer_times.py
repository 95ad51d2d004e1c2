"""How long one target takes for whole answers, compared with answers of about the same length.

Rules
1. A long answer takes longer than a short one, so a plain call's time alone says nothing about load. It is
   judged (see `slowness`) among those of its own length: up to 16 tokens, up to 64, 256 and so on.
2. An answer of unknown length is not judged.
"""

from halfopen.policy.slowness import Slowness, SlownessOptions

_LENGTHS = (16, 64, 256, 1024, 4096)
"""Tokens. Within four times the length the time is not so different that it would seem slow."""


class AnswerTimes:
    """One target's times, by length. Not thread-safe; one event loop owns it."""

    __slots__ = ("_of_length",)

    def __init__(self, options: SlownessOptions) -> None:
        """Knows nothing."""
        self._of_length = [Slowness(options) for _ in range(len(_LENGTHS) + 1)]

    def of(self, tokens: int) -> Slowness | None:
        """The times of answers of about so many tokens. None: the length is not known."""
        if tokens <= 0:
            return None
        for number, length in enumerate(_LENGTHS):
            if tokens <= length:
                return self._of_length[number]
        return self._of_length[-1]
