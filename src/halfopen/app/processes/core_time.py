"""Whose turn it is on a core that the gateway's processes share: requests go first.

Rules
1. Nothing here needs a privilege, and nothing fails: where the system refuses, all stays as it was.
2. Only for a process of its own: what is asked for holds for the calling thread and those that it starts.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

SLICE_NS: Final = 100_000
"""The shortest that Linux gives."""
_SET_ATTRIBUTES: Final[Mapping[str, int]] = MappingProxyType({"x86_64": 314, "aarch64": 274})
"""The number of `sched_setattr` on each kind of machine; the C library has no function for it."""
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""size, policy, flags, nice, priority, runtime, deadline, period: `struct sched_attr` in its first form."""
_AUTOGROUP: Final = Path("/proc/self/autogroup")


def come_soon() -> bool:
    """Ask for short turns that begin soon; whether the system took it.

    Who wakes on Linux 6.12 or later with a shorter slice than the one who runs need not wait until that one's
    slice, some milliseconds, is over (`sched(7)`; EEVDF, Stoica and Abdel-Wahab 1995). It gets no larger
    part of the core. An older kernel takes it and does nothing.
    """
    number = _SET_ATTRIBUTES.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return False
    policy = os.sched_getscheduler(0)
    if policy not in (os.SCHED_OTHER, os.SCHED_BATCH):
        return False  # somebody has chosen for it
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = _ATTRIBUTES.pack(_ATTRIBUTES.size, policy, 0, nice, 0, SLICE_NS, 0, 0)
    try:
        return bool(ctypes.CDLL(None).syscall(number, 0, wanted, 0) == 0)
    except (OSError, AttributeError):  # a C library that isn't to be had, or has no `syscall`
        return False


def step_back(nicer: int, *, autogroup: Path = _AUTOGROUP) -> None:
    """Leave others a larger part of a core that all want.

    Args:
        nicer: Steps of `nice`, 0 to 19.
        autogroup: The file by which Linux weighs this process's session.
    """
    os.nice(nicer)
    # Where Linux groups by session, it weighs groups, and `nice` counts within one. The session of another
    # process, such as a terminal, is not ours to weigh.
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            autogroup.write_text(str(nicer))
