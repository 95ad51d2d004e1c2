"""Who is connected to control: the supervisor, workers, and the command line for a moment."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from halfopen.app.processes.frames import FrameError, FrameReader, frame
from halfopen.app.processes.messages import (
    Applied,
    Children,
    Hello,
    KeysHeld,
    Load,
    Message,
    Role,
    States,
)

UNSENT_MAX_BYTES: Final = 4 * 1024 * 1024
"""Who reads less than is said to it is left; it connects again."""
PEERS_MAX: Final = 1024
_LOOK_S: Final = 0.02


class Peer(asyncio.Protocol):
    """One connection to control, and what its process last said of itself."""

    def __init__(self, peers: "Peers") -> None:
        """It belongs to `peers` as soon as it is connected."""
        self._peers = peers
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self.hello: Hello | None = None
        self.snapshot = ""
        """Served by the process, as far as it has said."""
        self.problem = ""
        """Why it doesn't serve the snapshot that it was last told to."""
        self.load: Load | None = None
        self.states: States | None = None
        """What it knows of its targets."""
        self.children: Children | None = None
        self.keys = ""
        """The digest of the gateway's own keys that it has, as far as it has said."""
        self.source = ""
        """Of its outcomes."""

    @property
    def role(self) -> Role | None:
        """Who it is; None: it hasn't said."""
        return None if self.hello is None else self.hello.role

    def send(self, message: Message) -> None:
        """Say something. Never waits; what a peer doesn't read is bounded."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(frame(message))
        if transport.get_write_buffer_size() > UNSENT_MAX_BYTES:
            transport.abort()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is connected."""
        # uvloop's transports are none by inheritance.
        self._transport = cast("asyncio.Transport", transport)
        if not self._peers.add(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Note what it says of itself, and hand on all of it."""
        try:
            messages = self._reader.feed(data)
        except FrameError:
            assert self._transport is not None
            self._transport.abort()
            return
        for message in messages:
            self._note(message)
            self._peers.heard(self, message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """It is gone."""
        self._peers.remove(self)

    def _note(self, message: Message) -> None:
        match message:
            case Hello():
                self.hello, self.snapshot = message, message.snapshot
            case Applied(snapshot=snapshot, problem=problem):
                self.problem = problem
                if not problem:
                    self.snapshot = snapshot
            case Load():
                self.load = message
            case KeysHeld(digest=digest):
                self.keys = digest
            case States():
                self.states = message
            case Children():
                self.children = message


class Peers:
    """All of them."""

    def __init__(self, on_message: Callable[[Peer, Message], None]) -> None:
        """`on_message` is told everything that is said."""
        self._on_message = on_message
        self._peers: set[Peer] = set()

    def add(self, peer: Peer) -> bool:
        """One more; false: there are too many."""
        if len(self._peers) >= PEERS_MAX:
            return False
        self._peers.add(peer)
        return True

    def remove(self, peer: Peer) -> None:
        """One less."""
        self._peers.discard(peer)

    def heard(self, peer: Peer, message: Message) -> None:
        """A peer said something."""
        self._on_message(peer, message)

    def of(self, role: Role) -> list[Peer]:
        """Those of one role, workers by their number."""
        found = [peer for peer in self._peers if peer.role is role]
        return sorted(found, key=lambda peer: peer.hello.number if peer.hello else 0)

    def of_source(self, source: str) -> list[Peer]:
        """Those whose outcomes come from this source: one, or none."""
        return [peer for peer in self._peers if peer.source == source]

    async def until_gone(self, role: Role, most_s: float) -> None:
        """Wait until none of a role is connected, for at most `most_s` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while self.of(role):  # noqa: ASYNC110 - at the end of the process: an event would be kept for that alone
                    await asyncio.sleep(_LOOK_S)

    def close(self) -> None:
        """End all connections."""
        for peer in list(self._peers):
            peer.close()
