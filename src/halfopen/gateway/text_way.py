"""The shortest way of a streamed answer: text in its middle, from the upstream's chunk to the client.

Most pieces of most streams are that, and come one at a time. This way is opened for an attempt whose pieces
have begun to flow, by the first of them, and decides nothing: what isn't such text goes the long way.

Rules
1. The attempt is the only one, and no other's answer is gone on with: `Streaming` opens the way only then,
   and what changes it gives the call up, which closes the way.
2. Each piece is read: what could be an error, a finish or anything but text is not taken.
3. The text goes out in the chunk that came, so the client's dialect must be the upstream's. What the client
   did not ask for is cut out of it.
"""

import asyncio
from typing import Final

from halfopen.gateway.delivery import Delivery
from halfopen.gateway.guarded import Crashable
from halfopen.policy import Journey, State
from halfopen.providers.continuation import Delivered
from halfopen.providers.event_reader import EventReader

_COMMITTED: Final = State.COMMITTED


class TextWay:
    """One attempt's."""

    __slots__ = ("_delivered", "_delivery", "_journey", "_loop", "_owner", "_reader", "chars")

    def __init__(
        self,
        owner: Crashable,
        reader: EventReader,
        parts: tuple[Journey, Delivery, Delivered],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`owner` is told of a defect."""
        self._owner = owner
        self._reader = reader
        self._journey, self._delivery, self._delivered = parts
        self._loop = loop
        self.chars = 0
        """Characters of an answer that went this way."""

    def take(self, piece: bytes, as_chunk: bytes = b"") -> bool:
        """Pass on one piece of the body, if it is text. Whether it was.

        `as_chunk`: how it came, if that was as one chunk.
        """
        try:
            return self._take(piece, as_chunk)
        except Exception:  # noqa: BLE001 - the edge: whatever it is, this request ends here
            self._owner.crash()
            return True

    def _take(self, piece: bytes, as_chunk: bytes) -> bool:
        journey, delivery = self._journey, self._delivery
        if journey.state is not _COMMITTED or not delivery.flows:
            return False
        text, shown = self._reader.text_of(piece)
        if not text:
            return False
        chars = len(text)
        self.chars += chars
        journey.progress(chars, self._loop.time())
        self._delivered.note_text(text)
        delivery.pass_bytes(shown, as_chunk if shown is piece else b"")
        return True
