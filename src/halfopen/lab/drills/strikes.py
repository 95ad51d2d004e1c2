"""What happens to a gateway in the fail-static drill: one class a fault, each with the proof that it was on.

Rules
1. A strike is never taken for granted: `shown` says what shows that it is on, by the system's account and
   the gateway's own, and `is_on` whether it still is just before it is lifted.
2. Only processes of the gateway that the drill has started are touched.
3. A strike says when it is over, so that the next one meets a gateway that is well.
"""

import contextlib
import os
import resource
import signal
import sqlite3
from typing import Final, Protocol

from halfopen.lab.drills.bystander import Told, children_of, held_connections, is_alive, state_of
from halfopen.lab.drills.private_names import NAME, PrivateNames, is_known_to
from halfopen.lab.drills.process import GatewayProcess

_FULL_BYTES: Final = 1
"""No file grows beyond this while the disk is full."""


class Strike(Protocol):
    """One fault."""

    name: str
    held: bool
    """Whether it lasts until it is lifted; else it is a moment."""
    costs: bool
    """Whether requests in flight are lost with it."""
    connects: bool
    """Whether it strikes who makes new connections to the provider: many are asked for at once then."""

    def strike(self, before: Told, gateway: GatewayProcess) -> None:
        """Let it happen. `before` is what the gateway said of itself just before."""
        ...

    def shown(self, told: Told) -> str:
        """What shows that it is on, or has happened; empty: nothing yet."""
        ...

    def is_on(self) -> bool:
        """Whether it is still on, by the system's account. For one that is held."""
        ...

    def lift(self) -> None:
        """End it. Also called after `strike` has raised."""
        ...

    def remains(self, told: Told) -> str:
        """What is still not as before, once it is lifted; empty: all is well."""
        ...

    def excused(self, port: int) -> bool:
        """Whether a request on the connection from this port of the client may fail."""
        ...


class BareStrike:
    """What most strikes have in common: nothing excuses a failure, and a well status is enough."""

    held = True
    costs = False
    connects = False

    def is_on(self) -> bool:
        """What was a moment is not on."""
        return False

    def lift(self) -> None:
        """There is nothing to end."""

    def shown(self, told: Told) -> str:
        """Each strike has its own proof."""
        raise NotImplementedError

    def remains(self, told: Told) -> str:
        """What was a moment is over when its traces are there."""
        return "" if self.held or self.shown(told) else "no other process is in its place yet"

    def excused(self, port: int) -> bool:  # noqa: ARG002 - the protocol's signature
        """No request may fail."""
        return False


class ControlStopped(BareStrike):
    """SIGSTOP to control, then SIGCONT."""

    name = "control stopped"

    def __init__(self) -> None:
        """Not yet."""
        self._pid = 0

    def strike(self, before: Told, gateway: GatewayProcess) -> None:  # noqa: ARG002 - the protocol's signature
        """Stop it."""
        self._pid = before.control
        os.kill(self._pid, signal.SIGSTOP)

    def shown(self, told: Told) -> str:
        """The system says that it is stopped, and `halfopen status` that it doesn't answer."""
        if not self.is_on() or told.answered:
            return ""
        return f"process {self._pid} in state T; status: {told.data.get('problem', 'no answer')}"

    def is_on(self) -> bool:
        """It is stopped: had the supervisor killed it meanwhile, it would be gone."""
        return state_of(self._pid) == "T"

    def lift(self) -> None:
        """Let it go on."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGCONT)

    def remains(self, told: Told) -> str:
        """The same process has to be back: had it been ended meanwhile, it was not stopped only."""
        return "" if told.control == self._pid else f"control is another process ({told.control})"


class ControlKilled(BareStrike):
    """SIGKILL to control."""

    name = "control killed"
    held = False

    def __init__(self) -> None:
        """Not yet."""
        self._pid = 0
        self._restarts = 0

    def strike(self, before: Told, gateway: GatewayProcess) -> None:  # noqa: ARG002 - the protocol's signature
        """Kill it."""
        self._pid, self._restarts = before.control, before.restarts("control")
        os.kill(self._pid, signal.SIGKILL)

    def shown(self, told: Told) -> str:
        """It is gone, another one answers, and the restart is counted."""
        if is_alive(self._pid) or not told.control or told.control == self._pid:
            return ""
        if told.restarts("control") <= self._restarts:
            return ""
        return f"process {self._pid} is gone, {told.control} answers; restarts: {told.restarts('control')}"


class StoreLocked(BareStrike):
    """Another process's transaction locks the store's file."""

    name = "store locked"

    def __init__(self) -> None:
        """Not yet."""
        self._db: sqlite3.Connection | None = None

    def strike(self, before: Told, gateway: GatewayProcess) -> None:  # noqa: ARG002 - the protocol's signature
        """Lock it."""
        self._db = sqlite3.connect(before.data["store"]["path"], isolation_level=None, timeout=10.0)
        self._db.execute("BEGIN EXCLUSIVE")

    def shown(self, told: Told) -> str:
        """Status says that the store can't, and that outcomes wait."""
        return _store_fails(told)

    def is_on(self) -> bool:
        """The transaction is open."""
        return self._db is not None and self._db.in_transaction

    def lift(self) -> None:
        """Unlock it."""
        db, self._db = self._db, None
        if db is not None:
            if db.in_transaction:
                db.execute("ROLLBACK")
            db.close()


class DiskFull(BareStrike):
    """No file of control grows any more, as on a full disk."""

    name = "disk full"

    def __init__(self) -> None:
        """Not yet."""
        self._pid = 0
        self._before = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)

    def strike(self, before: Told, gateway: GatewayProcess) -> None:  # noqa: ARG002 - the protocol's signature
        """Forbid it. Python ignores the signal that comes with it, so that a write fails instead."""
        pid = before.control
        self._before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (_FULL_BYTES, self._before[1]))
        self._pid = pid

    def shown(self, told: Told) -> str:
        """Status of the limited process says that the store can't, and that outcomes wait."""
        return _store_fails(told) if told.control == self._pid else ""

    def is_on(self) -> bool:
        """The limit is set."""
        try:
            limit, _ = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)
        except ProcessLookupError:
            return False
        return limit == _FULL_BYTES

    def lift(self) -> None:
        """Allow it again."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(self._pid, resource.RLIMIT_FSIZE, self._before)


class NamesGone(BareStrike):
    """The provider's name can't be looked up any more. Where it was last must do for new connections."""

    name = "names gone"
    connects = True

    def __init__(self, names: PrivateNames) -> None:
        """Not yet. The gateway was started with these names."""
        self._names = names
        self._workers: list[int] = []

    def strike(self, before: Told, gateway: GatewayProcess) -> None:  # noqa: ARG002 - the protocol's signature
        """Take it away from processes that have it."""
        self._workers = [pid for pid in before.workers if is_known_to(pid)]
        self._names.forget()

    def shown(self, told: Told) -> str:
        """No worker knows it any more, and all did."""
        if set(told.workers) != set(self._workers) or not self.is_on():
            return ""
        return f"{NAME} is in no file that workers {self._workers} look names up in"

    def is_on(self) -> bool:
        """They don't know it."""
        return bool(self._workers) and not any(is_known_to(pid) for pid in self._workers)

    def lift(self) -> None:
        """Give it back."""
        self._names.remember()


class WorkerKilled(BareStrike):
    """SIGKILL to a worker. What was in flight on it is lost, but for nothing else."""

    name = "worker killed"
    held = False
    costs = True

    def __init__(self) -> None:
        """Not yet."""
        self._pid = 0
        self._workers = 0
        self._supervisor = 0
        self._connections: frozenset[int] = frozenset()

    def strike(self, before: Told, gateway: GatewayProcess) -> None:
        """Kill the worker that holds the most connections.

        It is stopped for a moment first, so that it can't take a connection that isn't known to be its.
        """
        port = int(gateway.address.rpartition(":")[2])
        self._workers, self._supervisor = len(before.workers), gateway.pid
        self._pid = max(before.workers, key=lambda pid: len(held_connections(pid, port)))
        os.kill(self._pid, signal.SIGSTOP)
        try:
            self._connections = held_connections(self._pid, port)
        finally:
            os.kill(self._pid, signal.SIGKILL)

    def shown(self, told: Told) -> str:
        """It is gone, and as many as before are there, of which another one is in its place."""
        if is_alive(self._pid) or self._pid in told.workers or len(told.workers) < self._workers:
            return ""
        alive = children_of(self._supervisor)
        if not all(pid in alive for pid in told.workers):
            return ""
        held = len(self._connections)
        return f"process {self._pid} with {held} connections is gone; workers: {sorted(told.workers)}"

    def excused(self, port: int) -> bool:
        """It held the connection when it was killed."""
        return port in self._connections


def _store_fails(told: Told) -> str:
    waiting = told.outcomes("waiting")
    if told.store in ("", "ok") or not waiting:
        return ""
    return f"status: the store is {told.store} ({told.data['store']['problem']}), {waiting} outcomes wait"
