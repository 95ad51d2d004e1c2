"""Messages as frames of bytes, and back."""

import msgspec
import pytest

from halfopen.app.processes.frames import FrameError, FrameReader, frame
from halfopen.app.processes.messages import (
    FRAME_MAX_BYTES,
    Answer,
    Applied,
    Apply,
    Ask,
    Children,
    Hello,
    Load,
    Outcomes,
    Recorded,
    Reload,
    Role,
    Shares,
)

MESSAGES = [
    Hello(Role.WORKER, 12, 3, "abc"),
    Apply("abc", {"providers.p.key": "k"}),
    Applied("abc", "why not"),
    Reload(),
    Outcomes(msgspec.Raw(msgspec.msgpack.encode([[], []])), 0, "source", 5),
    Recorded("source", 7),
    Load(1, 2, 3, 4, 5, 6, 7.5, 8, {"p": 1.5}),
    Shares({"p": 0.5}),
    Children(1, [2, 3], {"worker 0": 1}, ["note"]),
    Ask("apply", "text"),
    Answer(ok=True, data={"a": [1, None]}),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_there_and_back(message):
    """Every message comes out as it went in."""
    assert FrameReader().feed(frame(message)) == [message]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 4096])
def test_pieces_of_any_size_give_the_same_messages(size):
    """Frames don't care where the stream is cut."""
    reader, data, found = FrameReader(), b"".join(map(frame, MESSAGES)), []
    for begin in range(0, len(data), size):
        found += reader.feed(data[begin : begin + size])
    assert found == MESSAGES


def test_what_is_not_known_is_passed_over():
    """A message of a later version, one of a wrong form, and bytes that are no MessagePack."""
    strange = [
        msgspec.msgpack.encode({"type": "later", "x": 1}),
        msgspec.msgpack.encode({"type": "apply", "snapshot": 5}),
        b"\xc1",
    ]
    data = b"".join(len(body).to_bytes(4, "big") + body for body in strange)
    reader = FrameReader()
    assert reader.feed(data + frame(Reload())) == [Reload()]
    assert reader.unknown == 3


def test_a_field_of_a_later_version_is_passed_over():
    """Versions differ while processes are replaced."""
    body = msgspec.msgpack.encode({"type": "recorded", "source": "s", "next": 2, "more": True})
    assert FrameReader().feed(len(body).to_bytes(4, "big") + body) == [Recorded("s", 2)]


def test_a_length_out_of_bounds_ends_the_conversation():
    """Before anything of that size is gathered; and nobody makes such a frame."""
    with pytest.raises(FrameError, match="16777217 bytes"):
        FrameReader().feed((FRAME_MAX_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(FrameError):
        frame(Ask("apply", "x" * FRAME_MAX_BYTES))
