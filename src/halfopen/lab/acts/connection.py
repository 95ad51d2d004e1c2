"""What goes wrong with the connection, and what is unusual but right."""

from collections.abc import Iterator

from halfopen.lab import wire
from halfopen.lab.fault import Scene
from halfopen.lab.steps import Close, Met, Reset, Send, Step, Wait


def reset(scene: Scene) -> Iterator[Step]:
    """A reset instead of an answer."""
    del scene
    yield Met()
    yield Reset()


def closed(scene: Scene) -> Iterator[Step]:
    """A close in order instead of an answer."""
    del scene
    yield Met()
    yield Close()


def cut_head(scene: Scene) -> Iterator[Step]:
    """A part of the head, then a close."""
    yield Send(wire.whole(scene.answer, scene.now)[:40])
    yield Met()
    yield Close()


def garbage(scene: Scene) -> Iterator[Step]:
    """Bytes that are not HTTP."""
    del scene
    yield Send(b"\x16\x03\x01\x00\x05\x00\xffSSH-2.0-lab\r\nthis is not HTTP\r\n\r\n")
    yield Met()
    yield Close()


def huge_headers(scene: Scene) -> Iterator[Step]:
    """A good answer behind a header of the size that the option says."""
    padding = (("x-padding", "a" * scene.count("size_bytes")),)
    body = wire.body_of(scene.answer)
    yield Send(wire.sized_head(scene.answer, scene.now, len(body), padding) + body)
    yield Met()


def interim(scene: Scene) -> Iterator[Step]:
    """Informational responses before a good answer."""
    yield Send(b"HTTP/1.1 100 Continue\r\n\r\n")
    yield Send(b"HTTP/1.1 103 Early Hints\r\nlink: </lab>; rel=preconnect\r\n\r\n")
    yield Send(wire.whole(scene.answer, scene.now))
    yield Met()


def http10(scene: Scene) -> Iterator[Step]:
    """A good HTTP/1.0 answer that the close ends."""
    yield Send(wire.head(scene.answer.status, scene.answer.headers, scene.now, version="1.0"))
    yield Send(wire.body_of(scene.answer))
    yield Met()
    yield Close()


def closing(scene: Scene) -> Iterator[Step]:
    """A good answer that says `connection: close`, and a close."""
    extra = (("connection", "close"),)
    if scene.answer.pieces is None:
        yield Send(wire.sized_head(scene.answer, scene.now, len(scene.answer.body), extra))
        yield Send(scene.answer.body)
    else:
        yield Send(wire.chunked_head(scene.answer, scene.now, extra))
        yield Send(b"".join(wire.chunk(piece.data) for piece in scene.answer.pieces) + wire.LAST_CHUNK)
    yield Met()
    yield Close()


def idle_close(scene: Scene) -> Iterator[Step]:
    """A good answer that promises to keep the connection, and a close all the same."""
    yield Send(wire.whole(scene.answer, scene.now))
    yield Wait(scene.number("idle_s"))
    yield Met()
    yield Close()


def reset_second(scene: Scene) -> Iterator[Step]:
    """A good answer to a connection's first request, a reset to its second."""
    if scene.connection_requests:
        yield Met()
        yield Reset()
    else:
        yield Send(wire.whole(scene.answer, scene.now))


def flapping(scene: Scene) -> Iterator[Step]:
    """A 500 to every other request, beginning with the first."""
    if scene.nth % 2:
        yield Send(wire.whole(scene.answer, scene.now))
        return
    error = scene.vendor.error(
        500, "The server had an error while processing your request.", scene.request_id
    )
    yield Send(wire.whole(error, scene.now))
    yield Met()
