"""A snapshot read back from the bytes that `snapshot.canonical` made."""

import msgspec

from halfopen.rollout.snapshot import Snapshot, sealed


class SavedError(Exception):
    """The bytes are no snapshot, or not the one that they should be."""


def read_back(content: bytes, id: str = "") -> Snapshot:  # noqa: A002 - as everywhere, a snapshot's id
    """The snapshot of its canonical JSON, with its id.

    Args:
        content: The canonical JSON.
        id: The id that it must have; empty: whatever it has.

    Raises:
        SavedError: The content is of another form or version, or has another id.
    """
    try:
        snapshot = sealed(msgspec.json.decode(content, type=Snapshot))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise SavedError(f"it can't be read: {error}") from None
    if id and snapshot.id != id:
        raise SavedError(f"its content is that of snapshot {snapshot.id}")
    return snapshot
