"""What a child process of the supervisor is told, and the line by which each knows that the other lives.

Rules
1. A child gets one argument: its orders, as JSON. Secrets come in the environment, never as an argument.
2. The lifeline is one end of a pair of sockets. The child says on it how it is, and hears what to do
   for another one. The line ends when the supervisor does, however that ends.
3. A child whose loop turns says so once a second. One that is silent is taken for frozen.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import TypeVar

import msgspec

BEAT_S = 1.0
"""Between two signs of life."""
_READ_BYTES = 64


class Word(Enum):
    """What a child says, one byte each."""

    ALIVE = b"."
    READY = b"r"
    """It does its work from now on."""
    LEAVING = b"l"
    """It takes no new work and ends when what it has begun is done."""


class Order(Enum):
    """What the supervisor says to a worker: one byte, and one for the number of another worker."""

    COVER = b"c"
    """Accept from that one's sockets as well: it can't."""
    RELEASE = b"u"
    """No more: it can again."""


class WorkerOrders(msgspec.Struct, frozen=True):
    """What a gateway worker is told."""

    number: int
    """From 0."""
    workers: int
    """How many there are."""
    state: str
    """The state directory."""
    sockets: list[list[int]]
    """The listening sockets of every worker, by number, as file descriptors."""
    lifeline: int
    """File descriptor."""
    snapshot: str
    """What is handed, by its id; without that, what is served if the current one can't be."""
    handed: int = -1
    """File descriptor of the snapshot to serve; -1: it is the current one of the state directory."""
    counter: int = -1
    """File descriptor of the memory in which it counts the requests that it has ended; -1: there is none."""
    keys: int = -1
    """File descriptor of the gateway's own keys; -1: there are none."""
    places: dict[str, str] = msgspec.field(default_factory=dict)
    """Addresses of local models for the snapshot that is handed, by provider."""
    replicas: int = 1
    """Gateways on all machines that use the same API keys, as far as it is known beforehand."""
    again: bool = False
    """Whether it takes the place of one that ended."""
    as_json: bool = False
    """How requests that needed a rescue are told."""
    answer_headers: list[tuple[str, str]] = msgspec.field(default_factory=list)
    """Sent with every answer."""


class ControlOrders(msgspec.Struct, frozen=True):
    """What the control process is told."""

    state: str
    """The state directory."""
    lifeline: int
    """File descriptor."""
    config: str | None = None
    """The configuration file; None: there was none at the start."""
    serving: str = ""
    """The snapshot that is served at the start."""


Orders = TypeVar("Orders", WorkerOrders, ControlOrders)


def orders(kind: type[Orders]) -> Orders:
    """This process's orders, from its command line.

    Raises:
        msgspec.DecodeError: It was not the supervisor that started it.
    """
    return msgspec.json.decode(sys.argv[1] if len(sys.argv) > 1 else "", type=kind)


class Lifeline:
    """The child's end."""

    def __init__(
        self,
        descriptor: int,
        loop: asyncio.AbstractEventLoop,
        on_orphaned: Callable[[], None],
        on_order: Callable[[Order, int], None] = lambda order, number: None,  # noqa: ARG005 - nothing to do
    ) -> None:
        """Give signs of life from now on.

        Args:
            descriptor: The line's.
            loop: Where it runs.
            on_orphaned: Called once, when the supervisor is gone.
            on_order: Told what the supervisor says, and of which worker.
        """
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._loop = loop
        self._on_orphaned = on_orphaned
        self._on_order = on_order
        self._heard = b""
        self.is_orphaned = False
        """Whether the supervisor is gone."""
        self._beat: asyncio.TimerHandle | None = None
        loop.add_reader(self._socket.fileno(), self._look)
        self._live()

    def say(self, word: Word) -> None:
        """Tell the supervisor, if it listens."""
        with suppress(OSError):
            self._socket.send(word.value)

    def close(self) -> None:
        """Say no more, and hear no more."""
        self._loop.remove_reader(self._socket.fileno())
        if self._beat is not None:
            self._beat.cancel()

    def _live(self) -> None:
        self.say(Word.ALIVE)
        self._beat = self._loop.call_later(BEAT_S, self._live)

    def _look(self) -> None:
        try:
            heard = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            heard = b""
        if not heard:
            self.close()
            self.is_orphaned = True
            self._on_orphaned()
            return
        self._heard += heard
        while len(self._heard) > 1:
            order, number, self._heard = self._heard[:1], self._heard[1], self._heard[2:]
            self._on_order(Order(order), number)
