"""The dashboard of a control process: started last, never in its way, and anew when its settings change.

Rules
1. What it needs is loaded in a thread of its own, after everything else in control has begun.
2. An address that can't be had is tried again every few seconds, and told as a problem.
3. With port 0 it is the port after the gateway's, or the first free one of the ten from there: a second
   gateway on the next port must not lose its dashboard for that.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import UNSET

from halfopen.app.processes.disk import Disk
from halfopen.rollout import Snapshot
from halfopen.rollout.reference import resolve
from halfopen.rollout.settings.dashboard import TOKEN_MIN_CHARS
from halfopen.seams.seen import Seen

if TYPE_CHECKING:
    from halfopen.web.server import Server

AGAIN_S: Final = 5.0
"""Between two tries to have an address."""
PORTS: Final = 10
"""So many are tried when the configuration names none."""
_PORT_MAX: Final = 32_767


class Place(NamedTuple):
    """Where it is to be, and who may look."""

    host: str
    ports: tuple[int, ...]
    """In order of preference."""
    token: str | None


class Dashboard:
    """Serves pages, as the snapshot in force says. For the event loop."""

    def __init__(self, seen: Seen, environ: Mapping[str, str], tell: Callable[[str], object]) -> None:
        """Nothing is loaded yet.

        Args:
            seen: What it shows.
            environ: Holds the token, if the configuration refers to one.
            tell: Told where it is when that isn't where it was wanted. Never waits.
        """
        self._seen = seen
        self._environ = environ
        self._tell = tell
        self._disk = Disk()
        self._wanted: Place | None = None
        self._task: asyncio.Task[None] | None = None
        self._server: Server | None = None
        self.address: str | None = None
        """Where it is; None: nowhere."""
        self.problem = ""
        """Why it can't be looked at; empty: it can, or it need not be."""

    def status(self) -> dict[str, Any]:
        """As `halfopen status` shows it."""
        return {"address": self.address, "problem": self.problem}

    def follow(self, snapshot: Snapshot) -> None:
        """Be where this snapshot says, from soon on."""
        wanted = place(snapshot, self._environ)
        if wanted == self._wanted and self._task is not None:
            return
        self._wanted = wanted
        before = self._task
        self._task = asyncio.get_running_loop().create_task(self._move(wanted, before))

    async def stop(self) -> None:
        """Serve no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await self._end()

    async def _end(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()
        self.address = None

    async def _move(self, wanted: Place | None, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            before.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait((before,))
        await self._end()
        self.problem = ""
        while wanted is not None:
            try:
                server = await self._disk.run(_server, self._seen, wanted)
            except Exception as error:  # noqa: BLE001 - whatever it is, control goes on without pages
                self._told(f"the dashboard can't be served on {wanted.host}:{wanted.ports[0]}: {_why(error)}")
                await asyncio.sleep(AGAIN_S)
                continue
            self.problem = ""
            self._server = server
            server.start()
            self.address = _address(wanted.host, server.port)
            if server.port != wanted.ports[0]:
                self._tell(f"halfopen: port {wanted.ports[0]} is taken: the dashboard is on {self.address}\n")
            return

    def _told(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._tell(f"halfopen: {problem}\n")


def place(snapshot: Snapshot, environ: Mapping[str, str]) -> Place | None:
    """Where a snapshot wants its dashboard; None: nowhere."""
    settings = snapshot.dashboard
    if not settings.enabled:
        return None
    token = None
    if settings.token is not UNSET:
        with suppress(KeyError):
            token = resolve(settings.token, environ).strip()
        # Without a value nobody knows it; the check of the configuration has told.
        token = token or None
        if token is None:
            return None
    first = snapshot.gateway.port + 1
    ports = (settings.port,) if settings.port else tuple(range(first, min(first + PORTS, _PORT_MAX + 1)))
    return Place(settings.host, ports or (snapshot.gateway.port - 1,), token)


def address_of(snapshot: Snapshot) -> str | None:
    """The address that a dashboard is wanted on; None: none is wanted."""
    settings = snapshot.dashboard
    return _address(settings.host, settings.port or snapshot.gateway.port + 1) if settings.enabled else None


def _address(host: str, port: int) -> str:
    named = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - only compared
    return f"http://[{named}]:{port}" if ":" in named else f"http://{named}:{port}"


def _server(seen: Seen, wanted: Place) -> "Server":
    """Load what pages need, and listen. In a thread; raises OSError, and ValueError for a bad token."""
    # Not before control is there for everything else: loading them takes half a second.
    from halfopen.web.access import Access  # noqa: PLC0415 - see above
    from halfopen.web.application import Application  # noqa: PLC0415 - see above
    from halfopen.web.server import Server, listening  # noqa: PLC0415 - see above

    if wanted.token is not None and len(wanted.token) < TOKEN_MIN_CHARS:
        # The configuration was checked where another value may hold.
        raise ValueError(f"its token has fewer than {TOKEN_MIN_CHARS} characters")
    access = Access(wanted.token)
    problem = OSError("there is no port to try")
    for port in wanted.ports:
        try:
            listens = listening(wanted.host, port)
        except OSError as error:
            problem = error
        else:
            return Server(Application(seen, access), listens)
    raise problem


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, ValueError):
        return str(error)
    return f"{type(error).__name__}: {error}"
