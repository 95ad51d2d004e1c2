"""A fault that the lab can play, and the scene it plays in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from halfopen.lab.exchange import LabAnswer, LabRequest, Vendor
from halfopen.lab.steps import Step

OptionValue = float | int | str | bool
ALL_DIALECTS = ("openai", "anthropic", "gemini")
BOTH_MODES = ("plain", "stream")


class Phase(StrEnum):
    """How far an answer has come when the fault strikes."""

    CONNECT = "connect"
    """There is no connection to speak of."""
    BEFORE_CONTENT = "before_content"
    """The client has none of the answer."""
    AFTER_CONTENT = "after_content"
    """The client has a part of the answer."""


class Stage(Enum):
    """Where the server must act."""

    LISTEN = auto()
    """It does not listen."""
    ACCEPT = auto()
    """It drops connections as they come."""
    REQUEST = auto()
    """It acts on a request."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a fault may look at."""

    request: LabRequest
    answer: LabAnswer
    """The good answer that the fault spoils."""
    vendor: Vendor
    request_id: str
    now: float
    """Unix time in seconds."""
    options: Mapping[str, OptionValue]
    nth: int = 0
    """How many requests this fault was offered before."""
    connection_requests: int = 0
    """How many requests this connection carried before."""

    def number(self, name: str) -> float:
        """A numeric option."""
        return float(self.options[name])

    def count(self, name: str) -> int:
        """A whole-number option."""
        return int(self.options[name])


Act = Callable[[Scene], Iterator[Step]]


def _nothing(_: Scene) -> Iterator[Step]:
    return iter(())


@dataclass(frozen=True, slots=True)
class LabFault:
    """One way in which a provider fails. Made once, in its own module of `halfopen.lab.faults`."""

    name: str
    """The module's name."""
    summary: str
    phase: Phase
    provider_meaning: str
    """What it means when a provider does this, in a sentence; no judgement of what a client should do."""
    act: Act = _nothing
    modes: tuple[str, ...] = BOTH_MODES
    """plain and stream: the requests that it strikes; others get the good answer."""
    dialects: tuple[str, ...] = ALL_DIALECTS
    options: tuple[tuple[str, OptionValue], ...] = ()
    """Option names with their defaults. Names end in the unit."""
    healthy: bool = False
    """Whether a whole valid answer comes all the same."""
    stage: Stage = Stage.REQUEST
    requests_to_meet: int = 1
    """How many requests in a row, on one pooled connection, it takes until the fault shows."""

    def strikes(self, answer: LabAnswer) -> bool:
        """Whether it has a way to spoil this answer."""
        return ("plain" if answer.pieces is None else "stream") in self.modes
