"""A ClickHouse of the tests' own, in a process that can be frozen and killed: see `clickhouse_http.py`."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from halfopen.lab.ports import free_port

_START_S = 30.0
USER, PASSWORD = "halfopen", "swordfish/?&"
_IN_URL = "swordfish%2F%3F%26"


class ClickhouseServer:
    """One server. Its data stay when it is ended and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self.port = free_port()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def url(self, database: str) -> str:
        return f"clickhouse://{USER}:{_IN_URL}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The address of a database that isn't there yet."""
        self._made += 1
        return self.url(f"test-{os.getpid()}-{self._made}")

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = Path(__file__).with_name("clickhouse_http.py")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(program), str(self._folder / "data"), str(self.port), USER, PASSWORD],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder,
            )  # fmt: skip
        until = time.monotonic() + _START_S
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=5) as answer:
                    assert answer.read() == b"Ok.\n"
                    return
            except (urllib.error.URLError, OSError):
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < until, "it does not answer"
                threading.Event().wait(0.02)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Also when it is frozen."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self.thaw()
            self._process.wait(20)


@contextlib.contextmanager
def running() -> Iterator[ClickhouseServer]:
    with tempfile.TemporaryDirectory(prefix="clickhouse-") as folder:
        server = ClickhouseServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.end()
