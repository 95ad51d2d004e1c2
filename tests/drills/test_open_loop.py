"""The client that asks at a fixed rate: what it takes for a whole answer, and for a problem."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
import uvloop

from halfopen.lab import LabProvider
from halfopen.lab.answer import expected_text
from halfopen.lab.drills import open_loop
from halfopen.lab.drills.http_answer import HttpAnswer
from halfopen.lab.drills.open_loop import Asked, End, OpenLoop
from halfopen.lab.ports import free_port

RATE = 200.0
ERROR = b"HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\n{}"


async def ask(port: int, least: int, *, connections: int = 2) -> list[Asked]:
    """Requests until so many have ended, and all others that were begun until then."""
    client = OpenLoop(port, RATE, connections=connections)
    client.start()
    for _ in range(1000):
        if sum(each.end is not None for each in client.asked) >= least:
            break
        await asyncio.sleep(0.01)
    await client.stop()
    return client.asked


def answered_with(answer: Callable[[int], bytes | None], least: int = 5) -> list[Asked]:
    """Requests to a server that answers its n-th request so; None: it closes the connection."""

    async def main() -> list[Asked]:
        count = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal count
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                    await reader.readexactly(size)
                    data = answer(count)
                    count += 1
                    if data is None:
                        return
                    writer.write(data)
            except (asyncio.IncompleteReadError, OSError):
                return
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", free_port())
        port = server.sockets[0].getsockname()[1]
        asked = await ask(port, least)
        server.close()
        return asked

    return uvloop.run(main())


def test_a_good_provider_answers_all_whole() -> None:
    """Plain ones and streams, at the rate, on the connections that it may have."""

    async def main() -> tuple[list[Asked], int]:
        async with LabProvider("openai") as provider:
            return await ask(provider.port, 60, connections=4), provider.counts["connections"]

    asked, connections = uvloop.run(main())
    assert {each.end for each in asked} == {End.WHOLE}, asked[0].problem
    assert sum(each.stream for each in asked) >= 6
    assert connections >= 4
    assert [each.due - asked[0].due for each in asked[:3]] == pytest.approx([0.0, 1 / RATE, 2 / RATE])


def test_answers_to_another_question_are_wrong() -> None:
    """A whole text, a whole frame, but not for who asked."""
    text = expected_text("openai", "gpt-4o-mini", "Question 3 of the drill")
    body = msgspec.json.encode({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    ends = [each.end for each in answered_with(lambda _: head + body)]
    assert ends[1] is End.WRONG
    assert ends.count(End.WHOLE) == 1
    assert ends[3] is End.WHOLE


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        pytest.param(None, End.CUT, id="closed"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", End.HANG, id="never whole"),
        pytest.param(ERROR, End.RETRYABLE, id="503"),
        pytest.param(
            ERROR.replace(b"\r\n\r\n", b"\r\nx-should-retry: false\r\n\r\n"),
            End.STATUS,
            id="not to be retried",
        ),
        pytest.param(ERROR.replace(b"503", b"400"), End.STATUS, id="400"),
        pytest.param(ERROR.replace(b"503", b"429"), End.RETRYABLE, id="429"),
        pytest.param(ERROR.replace(b"503", b"200"), End.WRONG, id="no answer of its dialect"),
        pytest.param(ERROR + b"{}", End.WRONG, id="bytes after the end"),
        pytest.param(b"nonsense\r\n\r\n", End.WRONG, id="no HTTP"),
    ],
)
def test_what_is_no_answer_is_told_apart(
    answer: bytes | None, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its own name, and nothing is left without an end."""
    monkeypatch.setattr(open_loop, "HANG_S", 0.2)
    asked = answered_with(lambda _: answer)
    assert {each.end for each in asked} == {end}
    assert all(each.problem and each.ended >= each.sent for each in asked)


def test_a_connection_that_is_refused_is_told() -> None:
    """At once."""
    asked = uvloop.run(ask(free_port(), 3))
    assert {each.end for each in asked} == {End.REFUSED}


@pytest.mark.parametrize(
    ("events", "end"),
    [
        pytest.param(("TEXT", "stop", "[DONE]"), End.WHOLE, id="whole"),
        pytest.param(("TEXT", "stop"), End.WRONG, id="no end"),
        pytest.param(("TEXT", "[DONE]"), End.WRONG, id="no finish reason"),
        pytest.param(("TEXT", "length", "[DONE]"), End.WRONG, id="another finish reason"),
        pytest.param(("stop", "[DONE]"), End.WRONG, id="no text"),
        pytest.param(("TEXT", "TEXT", "stop", "[DONE]"), End.WRONG, id="twice"),
    ],
)
def test_a_stream_is_whole_with_its_text_and_its_end(events: tuple[str, ...], end: End) -> None:
    """Number 0 is a stream."""
    text = expected_text("openai", "gpt-4o-mini", "Question 0 of the drill")
    body = b""
    for event in events:
        choice = {
            "delta": {"content": text if event == "TEXT" else ""},
            "finish_reason": event if event in ("stop", "length") else None,
        }
        data = b"[DONE]" if event == "[DONE]" else msgspec.json.encode({"choices": [choice]})
        body += b"data: " + data + b"\n\n"
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    answer = HttpAnswer()
    assert answer.feed(head + chunks)
    assert open_loop.judged(Asked(0, stream=True, due=0.0), answer)[0] is end
