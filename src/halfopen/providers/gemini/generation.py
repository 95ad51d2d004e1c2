"""What a generation of Gemini models takes, read from the model's name.

The API answers 400 to a field that a model doesn't know, and a 400 ends a journey. So what differs
from generation to generation is known here. A name that tells no version (`gemini-flash-latest`)
counts as the newest.

Sources: ai.google.dev/gemini-api/docs/{thinking,thought-signatures,openai,file-input-methods}, and
vercel/ai#8943 for the penalties; read in November 2026.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

_VERSION = re.compile(r"gemini-(\d{1,3})(?:\.(\d{1,3}))?(?![\d])")
_NEWEST = (999, 0)


class Thinking(Enum):
    """How a model's reasoning is steered."""

    NONE = auto()
    """Not at all: the model doesn't reason."""
    BUDGET = auto()
    """By a number of tokens (2.5)."""
    LEVEL = auto()
    """By a named level (3 and later)."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What the models of one generation take."""

    version: tuple[int, int]
    pro: bool
    """Whether it is a Pro model: those can't stop reasoning."""

    @property
    def thinking(self) -> Thinking:
        """How reasoning is steered."""
        if self.version < (2, 5):
            return Thinking.NONE
        return Thinking.BUDGET if self.version < (3, 0) else Thinking.LEVEL

    @property
    def penalties(self) -> bool:
        """Whether presence and frequency penalties are accepted; from 2.5 on they bring a 400."""
        return self.version < (2, 5)

    @property
    def external_urls(self) -> bool:
        """Whether media may be given by any https URL."""
        return self.version >= (2, 5)

    @property
    def signatures(self) -> bool:
        """Whether a function call in the history must carry a thought signature."""
        return self.version >= (3, 0)

    @property
    def tools_with_json(self) -> bool:
        """Whether tools and JSON output go together."""
        return self.version >= (3, 0)

    @property
    def validated_calls(self) -> bool:
        """Whether the mode VALIDATED (calls that keep to their schema) exists."""
        return self.version >= (2, 5)


def generation_of(model: str) -> Generation:
    """Read the generation from a model's name. Total: any name gives one."""
    name = model.rpartition("/")[2].lower()
    if name.startswith("gemma"):
        return Generation((1, 0), pro=False)
    found = _VERSION.match(name)
    version = (int(found[1]), int(found[2] or 0)) if found else _NEWEST
    return Generation(version, pro="-pro" in name)
