"""Keeps a defect of ours from becoming anybody else's problem."""

import functools
from collections.abc import Callable
from typing import Protocol, TypeVar, cast


class Crashable(Protocol):
    """Somebody who can end his own work when it has failed by a defect."""

    def crash(self) -> None:
        """Log the exception that is being handled, tell the client, end."""


_Method = TypeVar("_Method", bound=Callable[..., None])


def guarded(method: _Method) -> _Method:
    """Make a defect an error for this one client: not a hang, and not for the others."""

    @functools.wraps(method)
    def guard(self: Crashable, *args: object) -> None:
        try:
            method(self, *args)
        except Exception:  # noqa: BLE001 - the edge: whatever it is, this request ends here
            self.crash()

    return cast("_Method", guard)
