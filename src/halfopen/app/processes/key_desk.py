"""Control's part in the gateway's own keys: sees that all workers have them, and says what budgets are left.

Rules
1. The file is looked at some times a second, and read when it is another one. Everybody is told at once.
2. A file that can't be read, or is gone, changes nothing: what the others have holds. They are never told
   of no keys at all, which would let everybody in.
3. What is left is said `EVERY_S` while anything changes, and else often enough that workers know that
   control is there. It is said only once it is known what was spent before: a control that can't ask the
   store says nothing, and workers go on with their parts of what they were told.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from halfopen.app.processes import key_file
from halfopen.app.processes.key_words import keys_of
from halfopen.app.processes.messages import Answer, Budgets, Keys, Left, Role
from halfopen.app.processes.peers import Peer, Peers
from halfopen.app.processes.record import Record
from halfopen.app.processes.state_directory import StateDirectory, StateError
from halfopen.app.processes.status import workers_of
from halfopen.model.gateway_key import Budget
from halfopen.policy.budget import Amounts, left_of, window_start

EVERY_S: Final = 0.2
_POLL_S: Final = 0.02
_AGAIN_S: Final = 1.0
"""What hasn't changed is said again after so long."""
HELD_S: Final = 1.2
"""The command line is told which workers have the keys after this long at the latest."""


class KeyDesk:
    """Control's. Make it inside the running loop."""

    def __init__(
        self,
        state: StateDirectory,
        peers: Peers,
        record: Record,
        in_thread: Callable[[Callable[[], Keys | None]], Awaitable[Keys | None]],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is known yet.

        Args:
            state: Where the keys are.
            peers: Who is told.
            record: Knows what was spent.
            in_thread: Runs what may block.
            wall: Seconds since the Unix epoch.
        """
        self._state = state
        self._peers = peers
        self._record = record
        self._in_thread = in_thread
        self._wall = wall
        self._keys: Keys | None = None
        self._file: tuple[int, ...] | None = None
        self._problem = ""
        self._said: dict[Peer, tuple[Budgets, float]] = {}

    async def run(self) -> None:
        """Look, and say what is left, again and again. A disk that hangs doesn't hold up the second."""
        await asyncio.gather(self._looking(), self._telling())

    async def _looking(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def _telling(self) -> None:
        while True:
            self._tell_left()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Read the keys if they are others, and tell everybody."""
        keys = await self._in_thread(self._read)
        if keys is not None and keys.keys:
            self._keys = keys
            self._record.writer.folding.names.keep(key.name for key in keys.keys)
            for peer in (*self._peers.of(Role.SUPERVISOR), *self._peers.of(Role.WORKER)):
                peer.send(keys)

    def greet(self, peer: Peer) -> None:
        """Tell who has just come."""
        if self._keys is not None:
            peer.send(self._keys)

    def problems(self) -> list[str]:
        """What a person should look after."""
        return [f"gateway keys: {self._problem}"] if self._problem else []

    async def answer(self) -> Answer:
        """To the command line: which workers have the keys by now, and what is known to be spent."""
        await self.look()
        if self._keys is None:
            return Answer(
                ok=True, data={"workers": [], "everywhere": False, "spent": {}}, problem=self._problem
            )
        until = time.monotonic() + HELD_S
        while not self._is_everywhere() and time.monotonic() < until:  # noqa: ASYNC110 - peers set no event
            await asyncio.sleep(_POLL_S)
        return Answer(
            ok=True,
            data={
                "workers": self._workers(),
                "everywhere": self._is_everywhere(),
                "spent": msgspec.to_builtins(self._spent()),
            },
            problem=self._problem,
        )

    def _workers(self) -> list[dict[str, Any]]:
        """Each worker, and whether it has the keys as they are now."""
        wanted = "" if self._keys is None else self._keys.digest
        having = {
            peer.hello.pid for peer in self._peers.of(Role.WORKER) if peer.hello and peer.keys == wanted
        }
        return [
            {"number": row["number"], "pid": row["pid"], "held": row["pid"] in having}
            for row in workers_of(self._peers)
        ]

    def _is_everywhere(self) -> bool:
        """Whether all workers have them, and the supervisor, for those that it starts."""
        supervisors = self._peers.of(Role.SUPERVISOR)
        # Only the supervisor knows how many workers there are.
        known = bool(supervisors) and all(
            peer.children is not None and self._keys is not None and peer.keys == self._keys.digest
            for peer in supervisors
        )
        return known and all(row["held"] for row in self._workers())

    def _spent(self) -> dict[str, Amounts]:
        """By caller, of those with a budget; empty: it isn't known what was spent before."""
        if not self._record.writer.knows_before:
            return {}
        return self._record.spent(self._budgets(), self._wall())

    def _budgets(self) -> dict[str, Budget]:
        """Those of good keys, by caller."""
        keys = () if self._keys is None else self._keys.keys
        return {key.name: key.budget for key in keys if key.budget is not None and key.revoked_wall_s is None}

    def _read(self) -> Keys | None:
        """The keys, if they are others than before. In a thread."""
        try:
            found = self._state.keys_path.stat()
            file: tuple[int, ...] | None = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError:
            file = None
        if file == self._file and file is not None:
            return None
        try:
            read = key_file.load(self._state)
        except StateError as error:
            self._problem = f"{error}; those that were known go on"
            return None
        if read is None and self._keys is not None:
            self._problem = f"{self._state.keys_path} is gone; those that were known go on"
            return None
        self._file, self._problem = file, ""
        keys = keys_of(read or [])
        return None if self._keys is not None and keys.digest == self._keys.digest else keys

    def _tell_left(self) -> None:
        budgets = self._budgets()
        said, self._said = self._said, {}
        if not budgets:
            return
        workers = self._peers.of(Role.WORKER)
        counted = [(peer, self._record.writer.counted(peer.source)) for peer in workers]
        wall_s, now = self._wall(), time.monotonic()
        spent = self._record.spent(budgets, wall_s)
        left = {
            name: Left(window_start(budget.per, wall_s), left_of(budget, spent[name]))
            for name, budget in budgets.items()
        }
        for peer, number in counted:
            if number is None:
                continue  # it isn't known yet what was spent before
            message = Budgets(number, left)
            before, at = said.get(peer, (None, 0.0))
            if message != before or now - at >= _AGAIN_S:
                peer.send(message)
                at = now
            self._said[peer] = message, at


def at_start(state: StateDirectory, tell: Callable[[str], object]) -> Keys:
    """The keys with which workers begin. `tell` is told, in words for a person, when they can't be read."""
    try:
        return keys_of(key_file.load(state) or [])
    except StateError as error:
        tell(f"Warning: {error}; nobody is let in until it is mended")
        return keys_of([], closed=True)
