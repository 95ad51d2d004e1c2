"""One response, strictly."""

import pytest

from halfopen.lab.drills.http_answer import AnswerError, HttpAnswer

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx-a: b: c\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n, world..!\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        pytest.param(SIZED, b"hello", id="length"),
        pytest.param(CHUNKED, b"hello, world..!", id="chunks"),
        pytest.param(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", b"", id="empty"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_it_is_whole_with_its_last_byte(data: bytes, body: bytes, size: int) -> None:
    """However it is cut into pieces, and never sooner."""
    answer = HttpAnswer()
    pieces = [data[place : place + size] for place in range(0, len(data), size)]
    assert [answer.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert (answer.body, answer.received) == (body, len(data))


def test_it_has_status_and_headers() -> None:
    """By their lower-case names."""
    answer = HttpAnswer()
    assert answer.feed(SIZED)
    assert (answer.status, answer.headers) == (200, {b"content-length": b"5", b"x-a": b"b: c"})


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SIZED + b"!", id="more than its length"),
        pytest.param(CHUNKED + b"HTTP/1.1 200", id="a second answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello", id="no length"),
        pytest.param(CHUNKED.replace(b"5\r\n", b"4\r\n", 1), id="a chunk longer than its size"),
        pytest.param(CHUNKED.replace(b"A\r\n", b"x\r\n"), id="no size"),
        pytest.param(b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", id="another version"),
        pytest.param(b"hello\r\n\r\n", id="no HTTP"),
        pytest.param(b"x" * 70_000, id="no end of the head"),
    ],
)
def test_what_is_not_framed_is_refused(data: bytes) -> None:
    """It could be taken for another answer."""
    with pytest.raises(AnswerError):
        HttpAnswer().feed(data)
