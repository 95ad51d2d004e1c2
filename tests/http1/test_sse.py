"""Server-sent events: chunk boundaries change nothing, nothing is unbounded or slow."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.http1 import EventTooLargeError, SseEvent, SseParser

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data",
        b"data: ",
        b"event: message",
        b"event",
        b"id: 7",
        b"retry: 10",
        b": comment",
        b'{"error": 1}',
        b"data: \xc3\xa4\xff",
        b"\xef\xbb\xbfdata: late mark",
        b"",
        b"",
        b"",
    ]
)


def read(*pieces: bytes, max_bytes: int = 1 << 20) -> tuple[list[SseEvent], bytes]:
    parser = SseParser(max_bytes)
    events = [event for piece in pieces for event in parser.feed(piece)]
    events += parser.flush()
    return events, parser.tail


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    parts = [draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"]))]
    for _ in range(draw(st.integers(0, 25))):
        parts += [draw(LINES), draw(ENDS)]
    parts.append(draw(st.sampled_from([b"", b"data: half", b"\xef"])))
    return b"".join(parts)


@given(data=streams(), places=st.lists(st.integers(0, 500), max_size=12))
@settings(max_examples=600, deadline=None)
def test_chunk_boundaries_change_nothing(data: bytes, places: list[int]) -> None:
    """Whole, byte by byte and cut anywhere, with LF, CRLF and CR mixed: the same events and tail."""
    cuts = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    whole = read(data)
    assert read(*(data[start:end] for start, end in itertools.pairwise(cuts))) == whole
    assert read(*(bytes([each]) for each in data)) == whole


@given(data=streams())
@settings(max_examples=300, deadline=None)
def test_raw_bytes_are_complete(data: bytes) -> None:
    """The events' bytes and the tail are the stream, but for its mark and the line ends that end it."""
    events, tail = read(data)
    joined = b"".join(event.raw for event in events) + tail
    expected = data.removeprefix(b"\xef\xbb\xbf")
    assert expected.startswith(joined)
    assert expected[len(joined) :].strip(b"\r\n") == b""


@given(data=streams())
@settings(max_examples=300, deadline=None)
def test_events_are_those_of_the_standard(data: bytes) -> None:
    """Checked against a reader that follows the standard line by line."""
    lines = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    expected: list[bytes] = []
    block: list[bytes] = []
    for line in lines[:-1]:
        if line:
            block.append(line)
        elif block:
            expected.append(b"\n".join(block))
            block = []
    if block and not lines[-1]:
        expected.append(b"\n".join(block))
    events, _ = read(data)
    found = [event.raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip(b"\n") for event in events]
    assert found == expected


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_an_event_is_read(end: bytes) -> None:
    """Its data lines are joined, its name kept, comments and ids passed over."""
    raw = end.join([b": ping", b"event: x", b"id: 1", b"data: a", b"data:b", b"data", b"", b""])
    ((event,), tail) = read(raw)
    assert (event.data, event.event, event.stray, tail) == (b"a\nb\n", "x", b"", b"")
    assert event.raw == raw


@pytest.mark.parametrize("count", [1, 2, 3, 10])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_spare_blank_lines_make_no_events(end: bytes, count: int) -> None:
    """However many there are, before, between and after."""
    spare = end * count
    events, _ = read(spare + b"data: a" + end + end + spare + b"data: b" + end + end + spare)
    assert [event.data for event in events] == [b"a", b"b"]


def test_a_carriage_return_ends_a_line_inside_an_event() -> None:
    """Also when the event looks like one plain line."""
    ((event,), _) = read(b"data: a\rdata: b\n\n")
    assert event.data == b"a\nb"


def test_a_stray_line_is_kept_apart() -> None:
    """Raw JSON after the events is an error to be read, not noise."""
    events, _ = read(b'data: a\n\n{"error": {"message": "x"}}\n\n')
    assert events[1].stray == b'{"error": {"message": "x"}}'
    assert not events[1].is_comment


def test_a_comment_is_a_comment() -> None:
    """A ping carries nothing."""
    ((event,), _) = read(b": ping\n\n")
    assert event.is_comment


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_byte_order_mark_at_the_start_is_dropped(size: int) -> None:
    """Only there, and also when it comes in pieces."""
    data = b"\xef\xbb\xbfdata: a\n\n"
    ((event,), _) = read(*(data[start : start + size] for start in range(0, len(data), size)))
    assert (event.data, event.raw) == (b"a", b"data: a\n\n")


def test_the_last_blank_line_may_be_missing() -> None:
    """A line that ended is taken; half a line stays in the tail."""
    assert [event.data for event in read(b"data: [DONE]\n")[0]] == [b"[DONE]"]
    assert read(b"data: [DO") == ([], b"data: [DO")


@pytest.mark.parametrize("size", [1, 10, 10**6], ids=["bytes", "pieces", "whole"])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b""], ids=["LF", "CRLF", "open"])
def test_an_event_is_bounded(size: int, end: bytes) -> None:
    """Whether it comes whole or in pieces, ended or not; what came before it is given first."""
    data = b"data: fine\n\n" + b"data: " + b"x" * 200 + end + b"data: late\n\n"
    parser = SseParser(100)
    events: list[SseEvent] = []

    def feed_all() -> None:
        for start in range(0, len(data), size):
            events.extend(parser.feed(data[start : start + size]))

    with pytest.raises(EventTooLargeError) as caught:
        feed_all()
    events += caught.value.events
    assert [event.data for event in events] == [b"fine"]
    assert parser.flush() == []
    with pytest.raises(EventTooLargeError):
        parser.feed(b"data: more\n\n")


def test_an_event_of_just_the_bound_is_fine() -> None:
    """The bound counts all its bytes."""
    assert len(read(b"data: " + b"x" * 92 + b"\n\n", max_bytes=100)[0]) == 1


@pytest.mark.parametrize("size", [64, 1024])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"], ids=["LF", "CRLF"])
def test_time_is_linear_in_the_size_of_an_event(size: int, end: bytes) -> None:
    """An event of 2 MB in small pieces takes about four times as long as one of 500 KB, not sixteen."""

    def seconds(length: int) -> float:
        data = b"data: " + b"x" * length + end
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            assert (
                len(read(*(data[at : at + size] for at in range(0, len(data), size)), max_bytes=1 << 22)[0])
                == 1
            )
            best = min(best, time.process_time() - started)
        return best

    assert seconds(2_000_000) < 9 * seconds(500_000) + 0.01


def test_one_megabyte_byte_by_byte_is_read_in_seconds() -> None:
    """The worst cutting there is."""
    data = b"data: " + b"x" * 1_000_000 + b"\n\n"
    started = time.process_time()
    parser = SseParser()
    assert sum(len(parser.feed(data[at : at + 1])) for at in range(len(data))) == 1
    assert time.process_time() - started < 10
