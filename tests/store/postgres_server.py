"""A PostgreSQL of the tests' own: a cluster in a temporary directory, on a Unix socket."""

import contextlib
import os
import pwd
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_START_S = 20.0
_ACCOUNTS = ("postgres", "nobody")


class PostgresServer:
    """One cluster. The server refuses to run as root, so as root it runs as somebody else."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder, self._programs = folder, programs
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            account = next(filter(None, map(_account, _ACCOUNTS)))
            os.chown(folder, account.pw_uid, account.pw_gid)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self._data = folder / "data"
        self._run(
            "initdb", "-D", self._data, "-U", "halfopen", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"
        )
        self._made = 0

    def _run(self, program: str, *arguments: Any) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, timeout=60, **self._as)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def url(self, database: str) -> str:
        return f"postgresql://halfopen@/{database}?host={self._folder}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=40")
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [str(self._programs / "postgres"), "-D", str(self._data), "-k", str(self._folder), *settings],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, **self._as,
        )  # fmt: skip
        log.close()
        until = time.monotonic() + _START_S
        while True:
            try:
                return self._run("psql", "-qAt", "-d", self.url("postgres"), "-c", "SELECT 1")
            except subprocess.CalledProcessError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < until, "it does not answer"
                threading.Event().wait(0.02)

    def database(self) -> str:
        """The address of a new, empty database."""
        self._made += 1
        name = f"test_{os.getpid()}_{self._made}"
        self.say(f"CREATE DATABASE {name}")
        return self.url(name)

    def say(self, statement: str, database: str = "postgres") -> str:
        """Execute a statement by psql; what it prints."""
        url = database if "://" in database else self.url(database)
        command = [str(self._programs / "psql"), "-qAt", "-d", url, "-c", statement]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=60, cwd=self._folder, **self._as
        )
        return done.stdout.strip()

    def everybody(self) -> list[int]:
        """The processes of the server."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, how: signal.Signals) -> None:
        for pid in self.everybody():
            with contextlib.suppress(ProcessLookupError):  # one whose connection has just ended
                os.kill(pid, how)

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: as fast as is clean; SIGQUIT: as if the machine had failed."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.send_signal(how)
            self._process.wait(20)


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


@contextlib.contextmanager
def running(programs: Path) -> Iterator[PostgresServer]:
    """A running one, of the programs in a folder."""
    # Short, since it holds a socket; and not pytest's, which others than root may not enter.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = PostgresServer(Path(folder), programs)
        server.start()
        try:
            yield server
        finally:
            server.end()
