"""Streams that begin well and go wrong, before or after their first content."""

from collections.abc import Callable, Iterator

import msgspec

from halfopen.lab import wire
from halfopen.lab.exchange import LabAnswer, Piece, PieceKind
from halfopen.lab.fault import Act, OptionValue, Scene
from halfopen.lab.steps import Close, Hang, Met, Reset, Send, Step, Wait

CONTENT_EVENTS = ("content_events", 3)
BOUND = ("bound_s", 60.0)
HTML = b"<html><body><h1>502 Bad Gateway</h1><hr>cloudflare</body></html>\n"
OVERLOADED = "The server had an error while processing your request. Sorry about that!"
Tail = Callable[[Scene, tuple[Piece, ...]], Iterator[Step]]
Options = tuple[tuple[str, OptionValue], ...]
_GEMINI_OPENING = (
    b'data: {"candidates": [{"content": {"parts": [{"text": ""}],"role": "model"},"index": 0}]}\r\n\r\n'
)


def pieces_of(scene: Scene) -> tuple[Piece, ...]:
    """The good stream."""
    return scene.answer.pieces or ()


def strike(pieces: tuple[Piece, ...], content_events: int) -> int:
    """The place of the first piece that is not sent any more.

    With 0 content events: before the first content. Else after so many, but never so many that
    all the content would have come, unless it is a single piece.
    """
    places = [place for place, piece in enumerate(pieces) if piece.kind is PieceKind.CONTENT]
    if not places:
        return 0
    if len(places) == 1:
        return places[0] + (1 if content_events else 0)
    return places[min(content_events, max(1, len(places) - 1)) if content_events else 0]


def before(tail: Tail) -> Act:
    """The opening, and then the tail."""
    return _act(tail, after_content=False)


def after(tail: Tail) -> Act:
    """The opening and some content (option `content_events`), and then the tail."""
    return _act(tail, after_content=True)


def _act(tail: Tail, *, after_content: bool) -> Act:
    def act(scene: Scene) -> Iterator[Step]:
        pieces = pieces_of(scene)
        place = strike(pieces, max(1, scene.count("content_events")) if after_content else 0)
        begun = b"".join(wire.chunk(piece.data) for piece in pieces[:place])
        yield Send(wire.chunked_head(scene.answer, scene.now) + begun)
        yield from tail(scene, pieces[place:])

    return act


def reset(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """A reset, after a moment in which the client reads what came before."""
    del rest
    yield Wait(scene.number("pause_s"))
    yield Met()
    yield Reset()


def cut(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """A close in order without the last chunk, in the middle of an event."""
    del scene
    data = rest[0].data
    yield Send(b"%x\r\n%b" % (len(data), data[: len(data) // 2]))
    yield Met()
    yield Close()


def clean_end(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """The last chunk, as if all were said."""
    del scene, rest
    yield Send(wire.LAST_CHUNK)
    yield Met()


def done_without_finish(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """`[DONE]` without a finish reason."""
    del scene, rest
    yield Send(wire.chunk(b"data: [DONE]\n\n") + wire.LAST_CHUNK)
    yield Met()


def error_event(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """An error event, and the end."""
    del rest
    event = scene.vendor.error_event(OVERLOADED, scene.request_id)
    yield Send(wire.chunk(event) + wire.LAST_CHUNK)
    yield Met()


def error_event_done(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """An error event, then `[DONE]` as after a whole answer."""
    del rest
    event = scene.vendor.error_event(OVERLOADED, scene.request_id)
    yield Send(wire.chunk(event + b"data: [DONE]\n\n") + wire.LAST_CHUNK)
    yield Met()


def raw_json(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """An error as bare JSON, without `data:`."""
    del rest
    error = scene.vendor.error(500, OVERLOADED, scene.request_id)
    compact = msgspec.json.format(error.body, indent=0)
    yield Send(wire.chunk(compact + b"\n") + wire.LAST_CHUNK)
    yield Met()


def html(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """A page of the edge, and the end."""
    del scene, rest
    yield Send(wire.chunk(HTML) + wire.LAST_CHUNK)
    yield Met()


def stall(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """Silence."""
    del rest
    yield Met()
    yield Hang(scene.number("bound_s"))


def pinged_stall(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """Nothing but pings."""
    del rest
    yield Met()
    ping_s, spent_s = max(0.001, scene.number("ping_s")), 0.0
    while spent_s < scene.number("bound_s"):
        yield Send(wire.chunk(scene.vendor.ping()))
        yield Wait(ping_s)
        spent_s += ping_s
    yield Close()


def drip(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """One content event an interval, over and over; never a finish."""
    found = [
        [piece for piece in pieces if piece.kind is PieceKind.CONTENT] for pieces in (rest, pieces_of(scene))
    ]
    content = found[0] or found[1] or list(pieces_of(scene))
    interval_s, spent_s, place = max(0.001, scene.number("interval_s")), 0.0, 0
    yield Met()
    while spent_s < scene.number("bound_s"):
        yield Wait(interval_s)
        spent_s += interval_s
        yield Send(wire.chunk(content[place % len(content)].data))
        place += 1
    yield Close()


def malformed(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """One event is cut inside its JSON; the rest comes as if nothing were."""
    del scene
    bad = rest[0].data.rstrip()
    broken = bad[: bad.index(b"{") + (len(bad) - bad.index(b"{")) // 2] + b"\n\n"
    yield Send(wire.chunk(broken))
    yield Met()
    yield Send(b"".join(wire.chunk(piece.data) for piece in rest[1:]) + wire.LAST_CHUNK)


def role_only(scene: Scene) -> Iterator[Step]:
    """The opening, then the last chunk."""
    opening = [piece.data for piece in pieces_of(scene)[: strike(pieces_of(scene), 0)]]
    if scene.vendor.name == "gemini":
        opening = [_GEMINI_OPENING]
    begun = b"".join(wire.chunk(data) for data in opening)
    yield Send(wire.chunked_head(scene.answer, scene.now) + begun + wire.LAST_CHUNK)
    yield Met()


def without(*kinds: PieceKind) -> Act:
    """The good stream with some kinds of pieces left out."""

    def act(scene: Scene) -> Iterator[Step]:
        kept = tuple(piece for piece in pieces_of(scene) if piece.kind not in kinds)
        yield Send(wire.whole(LabAnswer(200, scene.answer.headers, pieces=kept), scene.now))
        yield Met()

    return act


def hang_after_finish(scene: Scene) -> Iterator[Step]:
    """The good stream without its last mark, and then neither words nor an end."""
    kept = b"".join(wire.chunk(piece.data) for piece in pieces_of(scene) if piece.kind is not PieceKind.DONE)
    yield Send(wire.chunked_head(scene.answer, scene.now) + kept)
    yield Met()
    yield Hang(scene.number("bound_s"))


def retyped(content_type: str) -> Act:
    """The good stream under another content type."""

    def act(scene: Scene) -> Iterator[Step]:
        rest = tuple(pair for pair in scene.answer.headers if pair[0] != "content-type")
        headers = (("content-type", content_type), *rest)
        yield Send(wire.whole(LabAnswer(200, headers, scene.answer.body, scene.answer.pieces), scene.now))
        yield Met()

    return act


def byte_by_byte(scene: Scene) -> Iterator[Step]:
    """The good stream, each byte a chunk of its own."""
    yield Send(wire.chunked_head(scene.answer, scene.now))
    for piece in pieces_of(scene):
        for place in range(len(piece.data)):
            yield Send(wire.chunk(piece.data[place : place + 1]))
        yield Wait(scene.number("pause_s"))
    yield Met()
    yield Send(wire.LAST_CHUNK)


def crlf(scene: Scene) -> Iterator[Step]:
    """The good stream with CRLF line ends."""
    yield Send(wire.chunked_head(scene.answer, scene.now))
    for piece in pieces_of(scene):
        data = piece.data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        yield Send(wire.chunk(data))
    yield Send(wire.LAST_CHUNK)
    yield Met()
