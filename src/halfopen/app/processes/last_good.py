"""What a gateway serves that starts with a file that can't be served: what it served last.

A replica that is moved or started again while its file is bad would else be missing, and one after the
other all of them.
"""

from collections.abc import Mapping
from pathlib import Path

from halfopen.app.configuration import Loaded
from halfopen.app.processes.placing import secrets_for
from halfopen.app.processes.state_directory import StateDirectory, StateError


def last_good(state: StateDirectory, path: Path, environ: Mapping[str, str]) -> Loaded | None:
    """The current snapshot of the state directory; None: there is none that can be served.

    Args:
        state: The gateway's. It need not be there.
        path: The file that can't be served. It is watched all the same.
        environ: Environment variables. Keys that a file wrote out are kept nowhere, so a snapshot that has
            some can't be served.
    """
    current = state.current()
    if current is None:
        return None
    try:
        snapshot = state.load(current)
        secrets = secrets_for(snapshot, {name: value for name, value in environ.items() if value.strip()})
    except (StateError, KeyError):
        return None
    note = f"Configuration: snapshot {current}, which was served last, since {path} can't be served"
    return Loaded(snapshot, secrets, "file", (note,), path=path)
