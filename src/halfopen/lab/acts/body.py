"""Bodies that are slow, cut, changed or never end."""

from collections.abc import Callable, Iterator

from halfopen.lab import wire
from halfopen.lab.exchange import Headers, LabAnswer
from halfopen.lab.fault import Act, Scene
from halfopen.lab.steps import Close, Hang, Met, Reset, Send, Step, Wait

BLOCK_BYTES = 64 * 1024


def plain_headers(scene: Scene, content_type: str = "application/json") -> Headers:
    """The good answer's headers with another content type."""
    rest = tuple(pair for pair in scene.answer.headers if pair[0] != "content-type")
    return (("content-type", content_type), *rest)


def ok(scene: Scene, body: bytes, content_type: str = "application/json") -> bytes:
    """A whole 200 with this body."""
    answer = LabAnswer(200, plain_headers(scene, content_type), body)
    return wire.whole(answer, scene.now)


def replaced(body: Callable[[Scene], bytes], content_type: str = "application/json") -> Act:
    """A 200 with another body, for a plain request."""

    def act(scene: Scene) -> Iterator[Step]:
        yield Send(ok(scene, body(scene), content_type))
        yield Met()

    return act


def silent(scene: Scene) -> Iterator[Step]:
    """Nothing at all."""
    yield Met()
    yield Hang(scene.number("bound_s"))


def silent_after_head(scene: Scene) -> Iterator[Step]:
    """The head, and then nothing."""
    if scene.answer.pieces is None:
        yield Send(wire.sized_head(scene.answer, scene.now, len(scene.answer.body)))
    else:
        yield Send(wire.chunked_head(scene.answer, scene.now))
    yield Met()
    yield Hang(scene.number("bound_s"))


def slow_head(scene: Scene) -> Iterator[Step]:
    """A whole good answer, late."""
    yield Wait(scene.number("delay_s"))
    yield Send(wire.whole(scene.answer, scene.now))
    yield Met()


def cut_sized(scene: Scene) -> Iterator[Step]:
    """Half of what Content-Length promised, then a close."""
    body = scene.answer.body
    yield Send(wire.sized_head(scene.answer, scene.now, len(body)) + body[: len(body) // 2])
    yield Met()
    yield Close()


def cut_chunked(scene: Scene) -> Iterator[Step]:
    """Chunks without the last one, then a close."""
    body = scene.answer.body
    yield Send(wire.chunked_head(scene.answer, scene.now) + wire.chunk(body[: len(body) // 2]))
    yield Met()
    yield Close()


def cut_whole_json(scene: Scene) -> Iterator[Step]:
    """The whole JSON in a chunk, but no last chunk: nobody can know that it is whole."""
    yield Send(wire.chunked_head(scene.answer, scene.now) + wire.chunk(scene.answer.body))
    yield Met()
    yield Close()


def cut_unframed(scene: Scene) -> Iterator[Step]:
    """Half a body that only the close would end."""
    body = scene.answer.body
    headers = (*scene.answer.headers, ("connection", "close"))
    yield Send(wire.head(200, headers, scene.now) + body[: len(body) // 2])
    yield Met()
    yield Close()


def reset_in_body(scene: Scene) -> Iterator[Step]:
    """Half a body, then a reset."""
    body = scene.answer.body
    yield Send(wire.sized_head(scene.answer, scene.now, len(body)) + body[: len(body) // 2])
    yield Wait(scene.number("pause_s"))
    yield Met()
    yield Reset()


def dripped(scene: Scene) -> Iterator[Step]:
    """The body, one byte at a time, until the bound; then a close."""
    body = scene.answer.body
    interval_s = scene.number("interval_s")
    yield Send(wire.sized_head(scene.answer, scene.now, len(body)))
    yield Met()
    spent_s = 0.0
    for place in range(len(body) - 1):
        if spent_s >= scene.number("bound_s"):
            break
        yield Send(body[place : place + 1])
        yield Wait(interval_s)
        spent_s += interval_s
    yield Close()


def stalled(scene: Scene) -> Iterator[Step]:
    """Half a body, and then nothing."""
    body = scene.answer.body
    yield Send(wire.sized_head(scene.answer, scene.now, len(body)) + body[: len(body) // 2])
    yield Met()
    yield Hang(scene.number("bound_s"))


def endless(scene: Scene) -> Iterator[Step]:
    """A body of the size that the option says, made as it is sent."""
    stream = scene.answer.pieces is not None
    opening = b"data: " if stream else b""
    yield Send(wire.chunked_head(scene.answer, scene.now) + wire.chunk(opening + b'{"padding":"'))
    block = wire.chunk(b"x" * BLOCK_BYTES)
    sent = 0
    while sent < scene.count("size_bytes"):
        yield Send(block)
        sent += BLOCK_BYTES
        if sent == BLOCK_BYTES:
            yield Met()
    yield Send(wire.chunk(b'"}\n\n' if stream else b'"}') + wire.LAST_CHUNK)
