"""How control divides a machine's part among its workers."""

from typing import Any

import pytest

from halfopen.app.processes.frames import FrameReader, frame
from halfopen.app.processes.messages import Hello, Load, Role, Shares
from halfopen.app.processes.peers import Peer, Peers
from halfopen.app.processes.worker_shares import WorkerShares
from halfopen.policy.sharing import APPLIED_S, GONE_S


class Transport:
    """Keeps what is said to a worker."""

    def __init__(self) -> None:
        self._reader = FrameReader()
        self.heard: list[Any] = []

    def write(self, data: bytes) -> None:
        self.heard += self._reader.feed(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class World:
    """Workers on a virtual clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.peers = Peers(self._heard)
        self.shares = WorkerShares(self.peers, self.now)

    def _heard(self, peer: Peer, message: Any) -> None:
        if isinstance(message, Load):
            self.shares.heard(peer, message, self.now)

    def worker(self, number: int, pid: int = 0) -> "Worker":
        return Worker(self, number, pid or 1000 + number)

    def share(self, at: float, part: float = 1.0, fair: float = 1.0) -> None:
        self.now = at
        self.shares.share({"p": part}, fair, at)


class Worker:
    def __init__(self, world: World, number: int, pid: int) -> None:
        self.transport = Transport()
        self.peer = Peer(world.peers)
        self.peer.connection_made(self.transport)  # type: ignore[arg-type]  # it is as much as is used
        self.peer.data_received(frame(Hello(Role.WORKER, pid, number)))

    def says(self, demand: float, held: float) -> None:
        self.peer.data_received(frame(Load(0, 0, 0, 0, 0, 0, 0.0, 0, {"p": demand}, {"p": held})))

    def leave(self) -> None:
        self.peer.connection_lost(None)

    @property
    def last(self) -> Shares | None:
        return self.transport.heard[-1] if self.transport.heard else None

    @property
    def part(self) -> float:
        assert self.last is not None
        return self.last.shares["p"]


@pytest.fixture
def world() -> World:
    return World()


BEGUN = 100.0 + APPLIED_S


def test_by_demand(world: World) -> None:
    """Lowered at once, raised when the lowering is applied."""
    one, two = world.worker(0), world.worker(1)
    one.says(900, 0.5)
    two.says(100, 0.5)
    world.share(BEGUN)
    assert (one.part, two.part) == pytest.approx((0.5, 0.14))
    two.says(100, two.part)
    world.share(BEGUN + 0.1)
    assert (one.part, two.part) == pytest.approx((0.86, 0.14))


def test_nobody_is_raised_at_the_start(world: World) -> None:
    """A control that has just begun doesn't know yet which workers there are."""
    one = world.worker(0)
    one.says(900, 0.5)
    world.share(BEGUN - 0.1)
    assert one.part == 0.5
    assert not world.shares.has_begun(BEGUN - 0.1)
    world.share(BEGUN)
    assert one.part == 1.0


def test_one_in_the_place_of_another(world: World) -> None:
    """The dead one's part is free after 3 s, and goes to who took its place."""
    one, two = world.worker(0), world.worker(1)
    one.says(100, 0.5)
    two.says(100, 0.5)
    world.share(BEGUN)
    two.leave()
    replacement = world.worker(1, pid=2001)
    replacement.says(100, 0.05)
    for tenth in range(1, 40):
        at = BEGUN + tenth / 10
        world.share(at)
        one.says(100, one.part)
        replacement.says(100, replacement.part)
        assert one.part + replacement.part <= (1.0 if at >= BEGUN + GONE_S else 0.55) + 1e-9
    assert (one.part, replacement.part) == pytest.approx((0.5, 0.5))


def test_what_to_fall_to(world: World) -> None:
    """Of an even part of two machines, the same share as of what this one has; never more than that."""
    one = world.worker(0)
    one.says(1, 0.8)
    world.share(BEGUN, part=0.8, fair=0.5)
    assert one.last == Shares({"p": 0.8}, {"p": 0.5})
    world.share(BEGUN + 2, part=0.2, fair=0.5)
    assert one.last == Shares({"p": 0.2}, {"p": 0.2})


def test_says_what_changed_and_else_once_a_second(world: World) -> None:
    """So that a worker knows that control is there, and is not told the same all the time."""
    one = world.worker(0)
    one.says(1, 1.0)
    for tenth in range(20):
        world.share(BEGUN + tenth / 10)
    assert len(one.transport.heard) == 2
    world.share(BEGUN + 1.95, part=0.5)
    assert len(one.transport.heard) == 3


def test_a_provider_that_is_gone(world: World) -> None:
    """Another configuration doesn't have it: nobody is told of it."""
    one = world.worker(0)
    one.says(1, 1.0)
    world.shares.share({}, 1.0, BEGUN)
    assert one.last == Shares({}, {})
    assert world.shares.reserved == {}


def test_demands_and_reserve(world: World) -> None:
    """What is told to other machines: the demand of all, and the most that they may be using."""
    one, two = world.worker(0), world.worker(1)
    one.says(900, 0.5)
    two.says(100, 0.25)
    assert world.shares.demands == {"p": 1000.0}
    assert world.shares.reserved == {"p": 0.75}
