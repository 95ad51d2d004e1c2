"""Messages as bytes: a length of four bytes, big-endian, then MessagePack.

A reader is fed whatever has arrived and gives the messages that are whole. A message of a kind that
it doesn't know is passed over. A length above the bound can't be gone on from: it raises.
"""

import msgspec

from halfopen.app.processes.messages import FRAME_MAX_BYTES, Message

_LENGTH_BYTES = 4


class FrameError(Exception):
    """The far side sent something that can't be a frame."""


class FrameReader:
    """Puts frames together from the pieces of one connection."""

    __slots__ = ("_buffer", "_decoder", "unknown")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
        self.unknown = 0
        """Frames that were passed over."""

    def feed(self, data: bytes) -> list[Message]:
        """Take what has arrived; return the messages that are whole now, in order.

        Raises:
            FrameError: A frame says that it is longer than `FRAME_MAX_BYTES`.
        """
        buffer = self._buffer
        buffer += data
        messages: list[Message] = []
        begin = 0
        while len(buffer) - begin >= _LENGTH_BYTES:
            body = begin + _LENGTH_BYTES
            length = int.from_bytes(buffer[begin:body], "big")
            if length > FRAME_MAX_BYTES:
                raise FrameError(f"a frame of {length} bytes; {FRAME_MAX_BYTES} at most")
            end = body + length
            if len(buffer) < end:
                break
            try:
                # A copy: what is decoded may keep a part of it.
                messages.append(self._decoder.decode(bytes(buffer[body:end])))
            except msgspec.DecodeError:
                self.unknown += 1
            begin = end
        del buffer[:begin]
        return messages


def frame(message: Message) -> bytes:
    """One message as bytes.

    Raises:
        FrameError: It is longer than `FRAME_MAX_BYTES`.
    """
    body = msgspec.msgpack.encode(message)
    if len(body) > FRAME_MAX_BYTES:
        raise FrameError(f"a frame of {len(body)} bytes; {FRAME_MAX_BYTES} at most")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body
