"""What the system, and the gateway itself, say of its processes. Needs Linux's /proc."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from halfopen.lab.drills.process import GatewayProcess

_PROC: Final = Path("/proc")
_CONNECTED: Final = "01"
_ANSWER_S: Final = 2.0
_SIZE_BYTES: Final = 4
_STATUS_S: Final = 15.0
"""`halfopen status` answers within 2 s; a machine that is busy needs longer to start it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the gateway says of itself: the data of `halfopen status --json`."""

    exit_status: int
    """Of the command: 0 when control has answered."""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def answered(self) -> bool:
        """Whether control has answered."""
        return self.exit_status == 0

    @property
    def store(self) -> str:
        """ok, failing or stuck; empty: unknown."""
        return str(self.data.get("store", {}).get("state", ""))

    @property
    def redis(self) -> str:
        """ok, gone, failed or off; empty: unknown."""
        return str(self.data.get("replicas", {}).get("redis", ""))

    def outcomes(self, name: str) -> int:
        """A count of outcomes: written, waiting, kept or dropped."""
        return int(self.data.get("outcomes", {}).get(name, 0))

    @property
    def control(self) -> int:
        """Control's process id; 0: unknown."""
        return int(self.data.get("control", {}).get("pid", 0))

    @property
    def workers(self) -> list[int]:
        """Process ids of workers that are connected to control."""
        return [int(row["pid"]) for row in self.data.get("workers", []) if row["connected"]]

    def restarts(self, name: str) -> int:
        """How often a child, such as `control`, has been started again."""
        return int(self.data.get("supervisor", {}).get("restarts", {}).get(name, 0))


async def ask_status(gateway: GatewayProcess) -> Told:
    """`halfopen status --json`, as a person would ask."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "halfopen", "status", "--state", str(gateway.state), "--json"),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        async with asyncio.timeout(_STATUS_S):
            said, _ = await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return Told(-1, {"problem": f"halfopen status took more than {_STATUS_S:g} s"})
    assert process.returncode is not None
    try:
        return Told(process.returncode, json.loads(said))
    except json.JSONDecodeError:
        return Told(-1, {"problem": f"halfopen status printed {said[:100]!r}"})


async def ask_control(gateway: GatewayProcess) -> Told:
    """What `ask_status` tells, from control's socket: to be asked often, without a process each time."""
    writer = None
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(str(gateway.state / "control.sock"))
            writer.write(_frame({"type": "hello", "role": "command", "pid": os.getpid()}))
            writer.write(_frame({"type": "ask", "what": "status"}))
            while True:
                size = int.from_bytes(await reader.readexactly(_SIZE_BYTES), "big")
                message = msgspec.msgpack.decode(await reader.readexactly(size))
                if message["type"] == "answer":
                    return Told(0, message["data"])
    except (OSError, EOFError, TimeoutError) as problem:
        return Told(1, {"problem": f"control doesn't answer: {problem!r}"})
    finally:
        if writer is not None:
            writer.transport.abort()


def _frame(message: dict[str, Any]) -> bytes:
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(_SIZE_BYTES, "big") + data


def state_of(pid: int) -> str:
    """The state of a process, one letter: `T` is stopped, `Z` ended. Empty: there is none."""
    fields = _stat(pid)
    return fields[0] if fields else ""


def is_alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    return state_of(pid) not in ("", "Z", "X")


def children_of(pid: int) -> list[int]:
    """Process ids of its children that have not ended."""
    path = _PROC / str(pid) / "task" / str(pid) / "children"
    with suppress(OSError):
        return [child for child in map(int, path.read_text().split()) if is_alive(child)]
    return []


def _stat(pid: int) -> list[str]:
    with suppress(OSError):
        return (_PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    return []


def held_connections(pid: int, port: int) -> frozenset[int]:
    """The clients' ports of the connections to `port` that a process has accepted."""
    inodes = frozenset(_sockets(pid))
    found = set()
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            lines = (_PROC / "net" / name).read_text().splitlines()[1:]
            found |= {far for far, inode in _connections(lines, port) if inode in inodes}
    return frozenset(found)


def _sockets(pid: int) -> Iterable[str]:
    """The inodes of a process's sockets."""
    for each in (_PROC / str(pid) / "fd").iterdir():
        with suppress(OSError):
            target = str(each.readlink())
            if target.startswith("socket:["):
                yield target[8:-1]


def _connections(lines: Iterable[str], port: int) -> Iterable[tuple[int, str]]:
    """The far port and the inode of each connection with `port` on the near side."""
    for line in lines:
        columns = line.split()
        near, far, state, inode = columns[1], columns[2], columns[3], columns[9]
        if state == _CONNECTED and int(near.rpartition(":")[2], 16) == port:
            yield int(far.rpartition(":")[2], 16), inode
