"""When a local model that died is started again, and when not. Pure: `now` is an argument.

Rules
1. A child whose fault can't go away by itself (no extra, no file, not a GGUF file) is not started again.
2. A model that has never loaded and can't be loaded is not started again either.
3. Each death in a row doubles the wait. A child that was ready for `settled_s` ends the row.
4. After `deaths_max` deaths in a row, nothing is started any more.
5. A port that somebody else took costs a new port, and counts as a death.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class ChildExit(IntEnum):
    """Exit statuses of the child. Any other one, or a signal (below 0), is a crash."""

    NO_EXTRA = 10
    NO_FILE = 11
    PORT_TAKEN = 12
    LOAD_FAILED = 13


class Reason(StrEnum):
    """Why a child is started again, or is not."""

    CRASHED = "crashed"
    SLOW_START = "slow_start"
    PORT_TAKEN = "port_taken"
    HOPELESS = "hopeless"
    TOO_MANY_DEATHS = "too_many_deaths"


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How patient the watcher is."""

    base_s: float = 0.5
    """Wait before the first restart of a row; doubled for each further one."""
    max_s: float = 30.0
    """Longest wait."""
    settled_s: float = 60.0
    """A child that was ready for so long counts as sound: its death begins a new row."""
    deaths_max: int = 6
    """Deaths in a row after which the watcher gives up; 1 or more."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Start another child after `delay_s` seconds."""

    reason: Reason
    delay_s: float
    new_port: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Start no other child."""

    reason: Reason


class Restarts:
    """What the watcher remembers of the children so far."""

    __slots__ = ("_deaths", "_policy", "_ready_at", "_was_ready")

    def __init__(self, policy: RestartPolicy) -> None:
        self._policy = policy
        self._deaths = 0
        self._ready_at: float | None = None
        self._was_ready = False

    @property
    def deaths(self) -> int:
        """Deaths in the present row."""
        return self._deaths

    def ready(self, now: float) -> None:
        """The child answers from now on."""
        self._ready_at = now
        self._was_ready = True

    def died(self, status: int | None, now: float) -> Restart | GiveUp:
        """The child has ended with this exit status; None: it was ended because its start took too long."""
        settled = self._ready_at is not None and now - self._ready_at >= self._policy.settled_s
        self._deaths = 1 if settled else self._deaths + 1
        self._ready_at = None
        if status in (ChildExit.NO_EXTRA, ChildExit.NO_FILE):
            return GiveUp(Reason.HOPELESS)
        if status == ChildExit.LOAD_FAILED and not self._was_ready:
            return GiveUp(Reason.HOPELESS)
        if self._deaths >= self._policy.deaths_max:
            return GiveUp(Reason.TOO_MANY_DEATHS)
        # The exponent is bounded, since deaths_max may be set high and 2.0**1024 overflows.
        delay_s = min(self._policy.max_s, self._policy.base_s * 2.0 ** min(self._deaths - 1, 64))
        if status == ChildExit.PORT_TAKEN:
            return Restart(Reason.PORT_TAKEN, delay_s, new_port=True)
        return Restart(Reason.SLOW_START if status is None else Reason.CRASHED, delay_s)
