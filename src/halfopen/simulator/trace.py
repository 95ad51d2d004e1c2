"""The trace of a run: everything that happened and was decided, and its fingerprint.

A record is 25 bytes: when, a number that belongs to what happened, which request, what, what its plan
decided on it, which attempt and which upstream. An event with several decisions has as many records.
Only the fingerprint is kept, and the words when they are asked for.
"""

from enum import IntEnum
from hashlib import sha256
from struct import Struct
from typing import Final

_PACK: Final = Struct("<ddIBBBH").pack
_BLOCK_BYTES: Final = 1 << 16


class Mark(IntEnum):
    """What happened."""

    NOTHING = 0
    # To a request.
    ARRIVED = 1
    TIMER = 2
    ROOM = 3
    FIRST_BYTE = 4
    CONTENT = 5
    FINISHED = 6
    FAILED = 7
    SHED = 8
    GONE = 9
    AGAIN = 10
    # What its plan decided.
    SEND = 20
    GO_ON = 21
    WAIT = 22
    CANCEL = 23
    RELAY = 24
    COMPLETE = 25
    FAIL = 26
    # At an upstream.
    STARTED = 40
    REFUSED = 41
    DROPPED = 42
    ABANDONED = 43
    CRASHED = 44
    RESTARTED = 45
    SERVERS = 46
    FAULT_BEGAN = 47
    FAULT_ENDED = 48


class Trace:
    """Takes note, in order."""

    __slots__ = ("_block", "_hash", "_words")

    def __init__(self, *, in_words: bool) -> None:
        """`in_words`: keep every record as text, too. It takes much memory."""
        self._block = bytearray()
        self._hash = sha256()
        self._words: list[str] | None = [] if in_words else None

    def note(
        self,
        now: float,
        mark: Mark,
        decision: Mark = Mark.NOTHING,
        request: int = 0,
        attempt: int = 0,
        upstream: int = 0,
        value: float = 0.0,
    ) -> None:
        """One thing happened, and what was decided on it. `value` is the mark's own: a time, a count."""
        block = self._block
        block += _PACK(now, value, request, mark, decision, attempt, upstream)
        if len(block) > _BLOCK_BYTES:
            self._hash.update(block)
            block.clear()
        if self._words is not None:
            self._words.append(
                f"{now!r} request {request} attempt {attempt} upstream {upstream} "
                f"{mark.name.lower()} -> {decision.name.lower()} {value!r}"
            )

    def words(self) -> tuple[str, ...]:
        """The records as text, if they were asked for."""
        return tuple(self._words or ())

    def sha256(self) -> str:
        """The fingerprint of all that was noted."""
        self._hash.update(self._block)
        self._block.clear()
        return self._hash.hexdigest()
