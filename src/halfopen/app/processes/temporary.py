"""Directories for temporary things that belong to a certain path, so that whoever knows the path finds them.

Others can write to the places where these are. What isn't a directory of our own there is never used.
"""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def named_for(path: str) -> list[Path]:
    """Where such a directory may be: the same names in every process of a user, the first choice first.

    Also outside of `$TMPDIR`, which a service and its commands need not have in common.
    """
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    roots = []
    with suppress(FileNotFoundError):  # none that can be written
        roots.append(tempfile.gettempdir())
    roots += ["/tmp", "/var/tmp"]  # noqa: S108 - see is_own
    return [Path(root) / f"halfopen-{os.getuid()}-{digest}" for root in dict.fromkeys(roots)]


def is_own(path: Path) -> bool:
    """Whether it is a directory of this user, and no link to one."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
