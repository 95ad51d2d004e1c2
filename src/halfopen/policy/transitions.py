"""The states of a journey, and what each event does in each: the table."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from halfopen.policy import events as ev


class State(Enum):
    """Where a journey stands."""

    # Members are single objects. An enum's own hash, of the name, is not C code, and every step takes one.
    __hash__ = object.__hash__

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


TABLE: Final[Mapping[State, Mapping[type, str]]] = MappingProxyType(
    {
        State.NEW: {
            ev.Arrived: "_on_arrived",
            ev.ClientGone: "_on_client_gone",
        },
        State.WAITING: {
            ev.Timer: "_on_wake",
            ev.PermitFreed: "_on_wake",
            ev.Shed: "_on_shed",
            ev.ClientGone: "_on_client_gone",
        },
        State.ATTEMPTING: {
            ev.Connected: "_on_connected",
            ev.FirstByte: "_on_first_byte",
            ev.Content: "_on_content",
            ev.Finished: "_on_finished",
            ev.Failed: "_on_failed",
            ev.Timer: "_on_attempt_timer",
            ev.ClientGone: "_on_client_gone",
        },
        State.HELD: {
            ev.Content: "_on_content",
            ev.Finished: "_on_finished",
            ev.Failed: "_on_failed",
            ev.Timer: "_on_stream_timer",
            ev.ClientGone: "_on_client_gone",
        },
        State.COMMITTED: {
            ev.Finished: "_on_finished",
            ev.Failed: "_on_failed",
            ev.Timer: "_on_stream_timer",
            ev.ClientGone: "_on_client_gone",
        },
        State.ENDED: {},
    }
)
"""The name of the handler. An event that is not here can't happen in that state."""
