"""The plan of a policy that makes one call after the other: what the peers have in common.

Rules
1. One call at a time. After a failure the policy says whether, when and where the next one goes out.
2. Nothing is called again once the client has got a part of the answer; the request fails then.
3. A call that brings nothing for `silence_s`, counted anew from each piece of content, is given up.
4. A retry that would come after the client has left is planned all the same, as these policies do; the
   client's leaving ends it.

The events and actions are those of `policy.Journey`, so that the same driver carries both out.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from halfopen import errors
from halfopen.model import Attempt, Fault, Reply, Target, TransportError
from halfopen.policy import IllegalTransitionError, State
from halfopen.policy import events as ev
from halfopen.policy.actions import Action, Cancel, Complete, Fail, Relay, Send, Wait
from halfopen.simulator.strategy import Request

NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Again:
    """The next call."""

    at: float
    """When; not later than now: at once."""
    index: int = 0
    """Which target, by its place in the client's order."""


class RetryPlan(ABC):
    """One request's plan under a policy of retries."""

    __slots__ = (
        "_connected",
        "_first_byte",
        "_first_content",
        "_heard",
        "_index",
        "_silence_s",
        "_started",
        "_status",
        "attempts",
        "committed",
        "request",
        "served_by",
        "state",
        "wake_at",
    )

    def __init__(self, request: Request, silence_s: float = NEVER) -> None:
        """Nothing happens before `Arrived`. `silence_s`: how long a call may bring nothing."""
        self.request = request
        self.state = State.NEW
        self.wake_at = NEVER
        self.attempts: list[Attempt] = []
        """Every attempt that has ended."""
        self.served_by: Target | None = None
        self.committed = False
        """Whether part of an answer has reached the client."""
        self._silence_s = silence_s
        self._index = 0
        self._started = self._heard = 0.0
        self._connected: float | None = None
        self._first_byte: float | None = None
        self._first_content: float | None = None
        self._status: int | None = None

    @abstractmethod
    def again(self, fault: Fault, now: float) -> Again | None:
        """The next call after a failed one; None: the request fails. The failed one is in `attempts`."""

    def succeeded(self, now: float) -> None:  # noqa: B027 - most policies keep no account of successes
        """The call brought a whole answer."""

    @property
    def retries(self) -> int:
        """Calls beyond the first that have ended."""
        return max(0, len(self.attempts) - 1)

    @property
    def index(self) -> int:
        """The place of the target that was called last."""
        return self._index

    @property
    def has_head(self) -> bool:
        """Whether the last call's response began, and not with an error."""
        return self._status is not None and self._status < 400

    @property
    def current(self) -> Target | None:
        """The target that is being called, if any."""
        return self.request.targets[self._index] if self.state in _CALLING else None

    def progress(self, chars: int, now: float) -> None:  # noqa: ARG002 - a silence is ended by any content
        """More content of a stream came."""
        self._heard = now
        if self.state is State.COMMITTED or self.state is State.HELD:
            self.wake_at = now + self._silence_s

    def step(self, event: ev.Event, now: float) -> list[Action]:
        """Take one event and return what to do. Raises IllegalTransitionError."""
        states, handler = _TABLE.get(type(event), _NOT_FOR_PEERS)
        if self.state not in states:
            raise IllegalTransitionError(f"{type(event).__name__} while {self.state.value}")
        attempt = getattr(event, "attempt", None)
        if attempt is not None and attempt != len(self.attempts) + 1:
            raise IllegalTransitionError(
                f"{type(event).__name__} of attempt {attempt}, which is not under way"
            )
        return handler(self, event, now)

    # Handlers, named in `_TABLE`.

    def _on_arrived(self, _event: ev.Arrived, now: float) -> list[Action]:
        return self._send(0, now)

    def _on_connected(self, _event: ev.Connected, now: float) -> list[Action]:
        self._connected = now
        return []

    def _on_first_byte(self, event: ev.FirstByte, now: float) -> list[Action]:
        self._first_byte = now
        self._status = event.status
        return []

    def _on_content(self, event: ev.Content, now: float) -> list[Action]:
        if self._first_content is None:
            self._first_content = now
        self._heard = now
        self.wake_at = now + self._silence_s
        if event.held and not self.committed:
            self.state = State.HELD
            return []
        self.state = State.COMMITTED
        if self.committed:
            return []
        self.committed = True
        return [Relay(event.attempt)]

    def _on_finished(self, event: ev.Finished, now: float) -> list[Action]:
        self.succeeded(now)
        self.served_by = self.request.targets[self._index]
        self._land(now, fault=None)
        self._end()
        return [Complete(event.attempt)]

    def _on_failed(self, event: ev.Failed, now: float) -> list[Action]:
        return self._after(event.fault, now)

    def _on_timer(self, _event: ev.Timer, now: float) -> list[Action]:
        if self.state is State.WAITING:
            if now < self.wake_at:
                return [Wait(self.wake_at, for_room=False)]
            return self._send(self._index, now)
        due = self._heard + self._silence_s
        if now < due:
            self.wake_at = due
            return []
        attempt = len(self.attempts) + 1
        return [Cancel(attempt), *self._after(self._silence(now), now)]

    def _on_client_gone(self, _event: ev.ClientGone, now: float) -> list[Action]:
        if self.state not in _CALLING:
            self._end()
            return []
        attempt = len(self.attempts) + 1
        self._land(now, fault=None, cancelled=True)
        self._end()
        return [Cancel(attempt)]

    # Decisions.

    def _after(self, fault: Fault, now: float) -> list[Action]:
        self._land(now, fault=fault)
        again = None if self.committed else self.again(fault, now)
        if again is None:
            self._end()
            return [Fail(fault, self.committed)]
        if again.at <= now:
            return self._send(again.index, now)
        self._index = again.index
        self.state = State.WAITING
        self.wake_at = again.at
        return [Wait(again.at, for_room=False)]

    def _send(self, index: int, now: float) -> list[Action]:
        self._index = index
        self._started = self._heard = now
        self._connected = self._first_byte = self._first_content = self._status = None
        self.state = State.ATTEMPTING
        self.wake_at = now + self._silence_s
        target = self.request.targets[index]
        before = 0
        for attempt in self.attempts:
            before += attempt.target == target.name
        repeats = self.request.demand.repeats + before
        return [Send(len(self.attempts) + 1, target, self.wake_at, repeats=repeats)]

    def _silence(self, now: float) -> Fault:
        kind = TransportError.STALLED
        if self.state is State.ATTEMPTING:
            stream = self.request.stream
            kind = TransportError.FIRST_TOKEN_TIMEOUT if stream else TransportError.NO_RESPONSE
        fault = errors.decode(Reply(transport=kind, detail=f"nothing within {now - self._heard:.1f} s"))
        assert fault is not None, "a transport error is always a fault"
        return fault

    # Bookkeeping.

    def _land(self, now: float, *, fault: Fault | None, cancelled: bool = False) -> None:
        self.attempts.append(
            Attempt(
                target=self.request.targets[self._index].name,
                started=self._started,
                ended=now,
                connected=self._connected,
                first_byte=self._first_byte,
                first_content=self._first_content,
                status=self._status,
                fault=fault,
                cancelled=cancelled,
            )
        )

    def _end(self) -> None:
        self.state = State.ENDED
        self.wake_at = NEVER


_Handler = Callable[[RetryPlan, Any, float], list[Action]]


def _impossible(_plan: RetryPlan, _event: ev.Event, _now: float) -> list[Action]:
    """Never called: no state leads here."""
    return []


_CALLING: Final = (State.ATTEMPTING, State.HELD, State.COMMITTED)
_OPEN: Final = (State.NEW, State.WAITING, *_CALLING)
_NOT_FOR_PEERS: Final[tuple[tuple[State, ...], _Handler]] = ((), _impossible)
"""Nobody waits for room, so nobody is told of it."""
# ruff: noqa: SLF001 - the table stands outside its class only because it names the class's own functions
_TABLE: Final[Mapping[type, tuple[tuple[State, ...], _Handler]]] = {
    ev.Arrived: ((State.NEW,), RetryPlan._on_arrived),
    ev.Connected: ((State.ATTEMPTING,), RetryPlan._on_connected),
    ev.FirstByte: ((State.ATTEMPTING,), RetryPlan._on_first_byte),
    ev.Content: ((State.ATTEMPTING, State.HELD), RetryPlan._on_content),
    ev.Finished: (_CALLING, RetryPlan._on_finished),
    ev.Failed: (_CALLING, RetryPlan._on_failed),
    ev.Timer: ((State.WAITING, *_CALLING), RetryPlan._on_timer),
    ev.ClientGone: (_OPEN, RetryPlan._on_client_gone),
}
"""In which states each event may come, and what handles it."""
