"""The faults that a simulated upstream answers with, each made once."""

from halfopen import errors
from halfopen.model import Fault, Kind, Reply, TransportError


class Refusals:
    """Faults as the decoder makes them of what comes over the wire."""

    __slots__ = ("_kinds", "_limited", "_statuses", "_transports")

    def __init__(self) -> None:
        """Empty."""
        self._statuses: dict[int, Fault] = {}
        self._limited: dict[int, Fault] = {}
        self._transports: dict[TransportError, Fault] = {}
        self._kinds: dict[Kind, Fault] = {}

    def status(self, status: int) -> Fault:
        """An error with a status and nothing more."""
        fault = self._statuses.get(status)
        if fault is None:
            fault = _decoded(Reply(status=status))
            self._statuses[status] = fault
        return fault

    def limited(self, wait_s: int) -> Fault:
        """A 429 that asks to wait, in whole seconds."""
        fault = self._limited.get(wait_s)
        if fault is None:
            fault = _decoded(Reply(status=429, headers=(("retry-after", str(wait_s)),)))
            self._limited[wait_s] = fault
        return fault

    def transport(self, error: TransportError) -> Fault:
        """A connection that failed."""
        fault = self._transports.get(error)
        if fault is None:
            fault = _decoded(Reply(transport=error))
            self._transports[error] = fault
        return fault

    def kind(self, kind: Kind, status: int) -> Fault:
        """A fault that is seen only in the answer."""
        fault = self._kinds.get(kind)
        if fault is None:
            fault = errors.make(kind, status=status)
            self._kinds[kind] = fault
        return fault


def _decoded(reply: Reply) -> Fault:
    fault = errors.decode(reply)
    # A scenario may name a status that is no error: then its calls fail all the same.
    return errors.make(Kind.UNKNOWN, status=reply.status) if fault is None else fault
