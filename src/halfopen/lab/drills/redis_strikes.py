"""A Redis of the drill's own, and what happens to it: it is frozen, and it is gone."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from halfopen.lab.drills.bystander import Told, is_alive, state_of
from halfopen.lab.drills.process import GatewayProcess
from halfopen.lab.drills.strikes import BareStrike
from halfopen.lab.ports import free_port
from halfopen.lab.server import HOST

_PROGRAM: Final = "redis-server"
_GONE: Final = "gone"
_END_S: Final = 5.0


class RedisServer:
    """A `redis-server` on a port of its own that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        """Prepare it. `folder` is its working directory."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def settings(self) -> str:
        """The table of `halfopen.toml` that names it."""
        return f'[redis]\nurl = "redis://{HOST}:{self.port}/0"\n'

    @property
    def pid(self) -> int:
        """The process that was started last."""
        return 0 if self._process is None else self._process.pid

    @property
    def listens(self) -> bool:
        """Whether connections to its port are taken."""
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def start(self) -> None:
        """Start it, or start it again. Raises OSError."""
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            # redis-server is where apt has put it.
            [shutil.which(_PROGRAM) or _PROGRAM, "--port", str(self.port), "--bind", HOST, "--save", ""],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """End it at once, also if it is stopped."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_END_S)


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer | None]:
    """A running one; None where the program, or the package to talk to it, is missing."""
    if shutil.which(_PROGRAM) is None or importlib.util.find_spec("redis") is None:
        yield None
        return
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


class RedisStopped(BareStrike):
    """SIGSTOP to Redis, then SIGCONT."""

    name = "redis stopped"

    def __init__(self, server: RedisServer) -> None:
        """Not yet. The gateway shares by this server."""
        self._server = server

    def strike(self, before: Told, gateway: GatewayProcess) -> None:  # noqa: ARG002 - the protocol's signature
        """Stop it."""
        os.kill(self._server.pid, signal.SIGSTOP)

    def shown(self, told: Told) -> str:
        """The system says that it is stopped, and status that it is gone."""
        if not self.is_on() or told.redis != _GONE:
            return ""
        return f"process {self._server.pid} in state T; status: redis is {told.redis}"

    def is_on(self) -> bool:
        """It is stopped."""
        return state_of(self._server.pid) == "T"

    def lift(self) -> None:
        """Let it go on."""
        if is_alive(self._server.pid):
            os.kill(self._server.pid, signal.SIGCONT)


class RedisKilled(BareStrike):
    """SIGKILL to Redis; later it is started again, empty."""

    name = "redis killed"

    def __init__(self, server: RedisServer) -> None:
        """Not yet. The gateway shares by this server."""
        self._server = server

    def strike(self, before: Told, gateway: GatewayProcess) -> None:  # noqa: ARG002 - the protocol's signature
        """Kill it."""
        self._server.kill()

    def shown(self, told: Told) -> str:
        """Nobody listens, and status says that it is gone."""
        if not self.is_on() or told.redis != _GONE:
            return ""
        return f"process {self._server.pid} is gone, nobody listens; status: redis is {told.redis}"

    def is_on(self) -> bool:
        """It is gone, and nothing listens in its place."""
        return not is_alive(self._server.pid) and not self._server.listens

    def lift(self) -> None:
        """Start another one on the same port."""
        if not is_alive(self._server.pid):
            self._server.start()
