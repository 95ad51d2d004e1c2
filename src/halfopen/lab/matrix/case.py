"""Which cases there are: every client, provider, fault and point of failure that go together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from halfopen.lab.fault import LabFault, Phase
from halfopen.lab.matrix import point as points
from halfopen.lab.matrix.seen import CLIENTS, EMBEDDINGS

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
EMBEDDING_BACKUPS: Mapping[str, str] = MappingProxyType({"openai": "gemini", "gemini": "openai"})
"""The same for embeddings, which Anthropic has not."""
EMBEDDING_MODELS: Mapping[str, str] = MappingProxyType(
    {"openai": "text-embedding-3-large", "gemini": "text-embedding-3-large"}
)
"""The same model at both, so that their vectors are of one space."""
COMPLETION_MODEL = "gpt-3.5-turbo-instruct"
"""OpenAI's own model for legacy completions, which answers no chats: the primary of those rows."""
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
TEXT, TOOLS, CHOICES = "text", "tools", "choices"
TOOL_NAMES = ("weather", "news")
CHOICES_COUNT = 2
_CHOOSING = ("chat", "completions", "generate")
"""Clients that can ask for several answers at once."""
_VARIANT_POINTS = ("event:6", "event:14")
"""Where faults strike answers of several choices, routes that don't continue, and a backup that restarts."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row to be."""

    fault: LabFault
    mode: str
    """plain or stream."""
    primary: str
    """The dialect that has the fault."""
    client: str = "chat"
    """The dialect that the application speaks."""
    point: str = ""
    """Where the fault strikes, a name of `point`; empty: in its own place."""
    question: str = TEXT
    """text, tools (two calls are the answer) or choices (two answers)."""
    after_commit: str = "continue"
    """The route's policy: continue, error or hold."""
    restarts: bool = False
    """Whether the backup, told to go on with an answer, begins it anew, so that all of it comes twice."""

    @property
    def name(self) -> str:
        """For test ids, and for `--only`."""
        where = self.point or points.natural(self.fault, self.mode)
        if self.question == CHOICES:
            where += "+choices"
        if self.after_commit != "continue":
            where += f"+{self.after_commit}"
        if self.restarts:
            where += "+restarts"
        return f"{self.fault.name}/{self.mode}/{self.primary}/{self.client}/{where}"

    @property
    def backup(self) -> str:
        """The dialect of the healthy second target."""
        return (EMBEDDING_BACKUPS if self.client == EMBEDDINGS else BACKUPS)[self.primary]

    @property
    def models(self) -> Mapping[str, str]:
        """The model of each dialect."""
        if self.client == "completions" and self.primary == "openai":
            return {**MODELS, "openai": COMPLETION_MODEL}
        return EMBEDDING_MODELS if self.client == EMBEDDINGS else MODELS

    @property
    def is_timed(self) -> bool:
        """Whether only a timer can notice the fault: it has a bound in time."""
        return any(name == "bound_s" for name, _ in self.fault.options)

    @property
    def times(self) -> Times:
        """The bounds of the route in this row."""
        return SHORT if self.is_timed else RELAXED

    @property
    def is_inside(self) -> bool:
        """Whether the fault strikes inside a stream that began well, so that what came before is true."""
        return self.mode == "stream" and self.fault.phase is Phase.AFTER_CONTENT

    @property
    def may_end(self) -> bool:
        """Whether an explicit error may end an answer that the client has a part of.

        Else nothing but a whole answer will do: a plain answer, a stream of which the client has
        nothing, text that the backup can go on with, and tool calls, which are held until they are whole.
        """
        return self.is_inside and (self.question == CHOICES or self.after_commit == "error")

    @property
    def options(self) -> dict[str, Any]:
        """The fault's options: its place, and where the defaults would take too long or too much memory."""
        changed: dict[str, Any] = points.placing(self.point) if self.is_inside else {}
        for name, default in self.fault.options:
            if name == "size_bytes" and float(default) > _TOO_LARGE_BYTES:
                changed[name] = _TOO_LARGE_BYTES
            elif name == "delay_s" and self.fault.healthy:
                changed[name] = _LATE_S
            elif name == "interval_s":
                changed[name] = DRIP_S
        return changed


def plan(faults: Iterable[LabFault], only: str = "*") -> list[Case]:
    """All cases whose fault, or whole name or its beginning up to a slash, matches the pattern `only`."""
    return [case for case in _every(faults) if _matches(case, only)]


def _matches(case: Case, only: str) -> bool:
    parts = case.name.split("/")
    return any(fnmatchcase("/".join(parts[:count]), only) for count in range(1, len(parts) + 1))


def _every(faults: Iterable[LabFault]) -> Iterator[Case]:
    for fault in faults:
        for mode in fault.modes:
            place = points.natural(fault, mode)
            for primary in fault.dialects:
                for client in CLIENTS:
                    yield Case(fault, mode, primary, client, place)
                    if mode == "stream" and fault.phase is Phase.AFTER_CONTENT:
                        yield from _placed(fault, primary, client)
                if mode == "plain" and primary in EMBEDDING_BACKUPS:
                    yield Case(fault, mode, primary, EMBEDDINGS, place)


def _placed(fault: LabFault, primary: str, client: str) -> Iterator[Case]:
    """The cases of a fault that can strike anywhere in a stream.

    A drip that has nothing left to say repeats what was said, so that its text would be no true
    beginning: it needs some of the text, or of a call, behind it.
    """
    drips = any(name == "interval_s" for name, _ in fault.options)
    numbers = range(1, points.EVENTS)
    last = () if drips else (points.FINISH,)
    for point in (points.AFTER_HEADERS, *(f"event:{number}" for number in numbers), *last):
        yield Case(fault, "stream", primary, client, point)
    if client != "completions" and not (drips and primary == "gemini"):
        inside = points.CALL_EVENTS_GEMINI if primary == "gemini" else points.CALL_EVENTS
        for point in (points.IN_CALL, *(f"call:{number}" for number in inside)):
            yield Case(fault, "stream", primary, client, point, TOOLS)
    for point in _VARIANT_POINTS:
        for policy in ("error", "hold"):
            yield Case(fault, "stream", primary, client, point, after_commit=policy)
        yield Case(fault, "stream", primary, client, point, restarts=True)
        if client in _CHOOSING and primary != "anthropic":
            yield Case(fault, "stream", primary, client, point, CHOICES)
