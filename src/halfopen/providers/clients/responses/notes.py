"""What is found while a request is translated: what is lost, what only OpenAI can do, what is wrong."""

import re
from dataclasses import dataclass, field

from halfopen.model import Fault

STORED = "state is stored at OpenAI"
"""The reason of everything that refers to what an earlier request left there."""

_ODD = re.compile(r"[^0-9A-Za-z_.-]")
_WORD_MAX = 40


@dataclass(slots=True)
class Notes:
    """Collects them. The first reason and the first fault count."""

    native_only: str | None = None
    fault: Fault | None = None
    _dropped: dict[str, None] = field(default_factory=dict)

    @property
    def dropped(self) -> tuple[str, ...]:
        """The wishes that are lost, in the order in which they came, each once."""
        return tuple(self._dropped)

    def only_native(self, reason: str) -> None:
        """Only OpenAI itself can serve the request."""
        if self.native_only is None:
            self.native_only = reason

    def drop(self, phrase: str) -> None:
        """A wish is lost. Plain ASCII."""
        self._dropped[phrase] = None

    def fail(self, fault: Fault) -> None:
        """No target can serve the request."""
        if self.fault is None:
            self.fault = fault


def word(name: object) -> str:
    """A name from a request as a word of a reason: plain ASCII, and short."""
    return _ODD.sub("_", str(name)[:_WORD_MAX])
