"""Which cases there are: every fault of the registry in each mode and dialect that it applies to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from halfopen.lab.fault import LabFault, Phase

BACKUPS: Mapping[str, str] = MappingProxyType(
    {"openai": "anthropic", "anthropic": "gemini", "gemini": "openai"}
)
"""The healthy backup of each dialect of primary: always another dialect."""
MODELS: Mapping[str, str] = MappingProxyType(
    {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
)
PROVIDERS: Mapping[str, str] = MappingProxyType(
    {"openai": "openai", "anthropic": "claude", "gemini": "gemini"}
)
"""The names of the providers in the gateway's configuration."""
ANSWER_MAX_BYTES = 1024 * 1024
_TOO_LARGE_BYTES = 4 * ANSWER_MAX_BYTES
_LATE_S = 0.3


@dataclass(frozen=True, slots=True)
class Times:
    """The bounds of the route, in seconds."""

    deadline_s: float = 8.0
    attempt_s: float = 4.0
    first_token_s: float = 4.0
    stall_s: float = 4.0
    floor_window_s: float = 1.0
    min_tokens_s: float = 5.0


RELAXED = Times()
SHORT = Times(attempt_s=1.5, first_token_s=1.5, stall_s=2.5)
"""For faults that only time tells."""
DRIP_S = 2.0
"""Between two pieces of a drip: its first comes after the first token is due, so that a drip before the
content can be told in time; and it comes before a stall is noticed, so that the floor must notice it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row to be."""

    fault: LabFault
    mode: str
    """plain or stream."""
    primary: str
    """The dialect that has the fault."""

    @property
    def name(self) -> str:
        """For test ids, and for `--only`."""
        return f"{self.fault.name}/{self.mode}/{self.primary}"

    @property
    def backup(self) -> str:
        """The dialect of the healthy second target."""
        return BACKUPS[self.primary]

    @property
    def is_timed(self) -> bool:
        """Whether only a timer can notice the fault: it has a bound in time."""
        return any(name == "bound_s" for name, _ in self.fault.options)

    @property
    def times(self) -> Times:
        """The bounds of the route in this row."""
        return SHORT if self.is_timed else RELAXED

    @property
    def pass_is_due(self) -> bool:
        """Whether nothing but a whole answer will do.

        So it is while the client has nothing of the answer, and of a plain answer it has nothing
        until it is whole.
        """
        return self.mode == "plain" or self.fault.phase is not Phase.AFTER_CONTENT

    @property
    def options(self) -> dict[str, Any]:
        """The fault's options where the defaults would take too long or too much memory."""
        changed: dict[str, Any] = {}
        for name, default in self.fault.options:
            if name == "size_bytes" and float(default) > _TOO_LARGE_BYTES:
                changed[name] = _TOO_LARGE_BYTES
            elif name == "delay_s" and self.fault.healthy:
                changed[name] = _LATE_S
            elif name == "interval_s":
                changed[name] = DRIP_S
        return changed


def plan(faults: Iterable[LabFault], only: str = "*") -> list[Case]:
    """All cases whose fault, or whole name, matches the pattern `only`."""
    cases = [
        Case(fault, mode, dialect) for fault in faults for mode in fault.modes for dialect in fault.dialects
    ]
    return [case for case in cases if fnmatchcase(case.fault.name, only) or fnmatchcase(case.name, only)]
