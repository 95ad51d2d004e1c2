"""What all policies have in common in which nobody waits for room."""

from collections.abc import Sequence

from halfopen.policy.queue import Line
from halfopen.simulator.strategy import Request


class Lineless:
    """A strategy without waiting lines. A client that leaves closes its connection."""

    __slots__ = ()

    cancels = True
    """The upstream is told; whether it drops the work is its own affair."""

    def line(self, request: Request) -> Line | None:  # noqa: ARG002 - the protocol's signature
        """None: there is none."""
        return None

    def lines_to(self, target: str) -> Sequence[Line]:  # noqa: ARG002 - the protocol's signature
        """There are none."""
        return ()
