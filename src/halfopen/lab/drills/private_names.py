"""Host names that only one process and its children know, and that can be taken from them again.

The process gets name spaces of its own for users and mounts, in which files of ours lie over `/etc/hosts`
and `/etc/nsswitch.conf`; nothing else on the machine sees them. Needs Linux, `unshare` and the right to
use it.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path
from typing import Final

NAME: Final = "provider.test"
"""Of a domain that is kept for tests: no resolver knows it."""
_LOCAL: Final = "127.0.0.1 localhost\n"
_OURS: Final = f"127.0.0.1 {NAME}\n"
_ONLY_FILES: Final = "passwd: files\ngroup: files\nhosts: files\n"
_MOUNT: Final = 'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/nsswitch.conf && shift 2 && exec "$@"'
_TRY_S: Final = 10.0


class PrivateNames:
    """The files of one gateway."""

    def __init__(self, folder: Path) -> None:
        """Write them into a folder that is there as long as the gateway is."""
        self._hosts = folder / "hosts"
        self._switch = folder / "nsswitch.conf"
        self._switch.write_text(_ONLY_FILES)
        self.remember()

    @property
    def before(self) -> tuple[str, ...]:
        """The command that becomes the one that follows it, with these names."""
        return (
            *("unshare", "--user", "--map-root-user", "--mount"),
            *("sh", "-c", _MOUNT, "sh", str(self._hosts), str(self._switch)),
        )

    def remember(self) -> None:
        """The name can be looked up."""
        self._hosts.write_text(_LOCAL + _OURS)

    def forget(self) -> None:
        """It can't any more. The file stays the same one, or who has it over its own would not see it."""
        self._hosts.write_text(_LOCAL)

    async def work(self) -> bool:
        """Whether this machine lets us have them: the name is found with them, and not without."""
        look = (sys.executable, "-c", f"import socket; socket.getaddrinfo({NAME!r}, 80)")
        try:
            return await _succeeds(*self.before, *look) and not await _succeeds(*look)
        except OSError:
            return False


def is_known_to(pid: int) -> bool:
    """Whether a process that was started with such names can look it up. Raises OSError: it is gone."""
    return NAME in Path(f"/proc/{pid}/root/etc/hosts").read_text()


async def _succeeds(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with asyncio.timeout(_TRY_S):
            return await process.wait() == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
