"""Loads the bench, which is no part of the package, and servers that answer wrongly on purpose."""

import re
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from bench import tools  # noqa: E402 - found by the path that is set above
from halfopen.lab.ports import free_port  # noqa: E402 - sorted with the line above

Answer = Callable[[bytes], bytes]
"""The bytes of an answer, made from the nonce of the request."""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The two C programs, compiled for these tests alone."""
    if shutil.which("gcc") is None or shutil.which("taskset") is None:
        pytest.fail("the bench needs gcc and taskset (packages gcc and util-linux)", pytrace=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tools, "PLACE", tmp_path_factory.mktemp("bench"))
        tools.build()
        yield


class Replaying:
    """A server that answers each request with whatever a function makes of its nonce, then closes."""

    def __init__(self, answer: Answer) -> None:
        self.port = free_port()
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                got = b""
                while not (nonce := re.search(rb"\[nonce (\d{16})\].*\}$", got, re.DOTALL)):
                    part = client.recv(65536)
                    if not part:
                        break
                    got += part
                if nonce:
                    client.sendall(self._answer(nonce[1]))

    def close(self) -> None:
        """Take no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def replaying() -> Iterator[Callable[[Answer], int]]:
    """Starts a server for an answer and gives its port."""
    servers: list[Replaying] = []

    def start(answer: Answer) -> int:
        servers.append(Replaying(answer))
        return servers[-1].port

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def cores() -> SimpleNamespace:
    """One core for the subject and one for the load; the same where there is only one."""
    import os

    allowed = sorted(os.sched_getaffinity(0))
    return SimpleNamespace(subject=(allowed[0],), load=(allowed[-1],))
