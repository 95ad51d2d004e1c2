"""The states of a journey, and what each event does in each: the table."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from halfopen.policy import events as ev


class State(Enum):
    """Where a journey stands."""

    NEW = "new"
    WAITING = "waiting"
    ATTEMPTING = "attempting"
    HELD = "held"
    """Content comes from the upstream, but the client has got nothing."""
    COMMITTED = "committed"
    """The client gets the content of the attempt that is under way."""
    ENDED = "ended"


class IllegalTransitionError(RuntimeError):
    """The driver told an event that can't happen in this state. Nothing has changed."""


TABLE: Final[Mapping[tuple[State, type], str]] = MappingProxyType(
    {
        (State.NEW, ev.Arrived): "_on_arrived",
        (State.NEW, ev.ClientGone): "_on_client_gone",
        (State.WAITING, ev.Timer): "_on_wake",
        (State.WAITING, ev.PermitFreed): "_on_wake",
        (State.WAITING, ev.Shed): "_on_shed",
        (State.WAITING, ev.ClientGone): "_on_client_gone",
        (State.ATTEMPTING, ev.Connected): "_on_connected",
        (State.ATTEMPTING, ev.FirstByte): "_on_first_byte",
        (State.ATTEMPTING, ev.Content): "_on_content",
        (State.ATTEMPTING, ev.Finished): "_on_finished",
        (State.ATTEMPTING, ev.Failed): "_on_failed",
        (State.ATTEMPTING, ev.Timer): "_on_attempt_timer",
        (State.ATTEMPTING, ev.ClientGone): "_on_client_gone",
        (State.HELD, ev.Content): "_on_content",
        (State.HELD, ev.Finished): "_on_finished",
        (State.HELD, ev.Failed): "_on_failed",
        (State.HELD, ev.Timer): "_on_stream_timer",
        (State.HELD, ev.ClientGone): "_on_client_gone",
        (State.COMMITTED, ev.Finished): "_on_finished",
        (State.COMMITTED, ev.Failed): "_on_failed",
        (State.COMMITTED, ev.Timer): "_on_stream_timer",
        (State.COMMITTED, ev.ClientGone): "_on_client_gone",
    }
)
"""The name of the handler. A pair that is not here can't happen."""
