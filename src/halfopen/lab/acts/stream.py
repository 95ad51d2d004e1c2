"""Streams that begin well and go wrong, before or after their first content."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec

from halfopen.lab import wire
from halfopen.lab.acts.placement import NOT_SET, Strike, after_events, described, pieces_of, strike
from halfopen.lab.exchange import LabAnswer, Moment, Piece, PieceKind
from halfopen.lab.fault import Act, Scene
from halfopen.lab.steps import Close, Hang, Met, Reset, Send, Step, Wait

BOUND = ("bound_s", 60.0)
HTML = b"<html><body><h1>502 Bad Gateway</h1><hr>cloudflare</body></html>\n"
OVERLOADED = "The server had an error while processing your request. Sorry about that!"
Tail = Callable[[Scene, tuple[Piece, ...]], Iterator[Step]]
_GEMINI_OPENING = (
    b'data: {"candidates": [{"content": {"parts": [{"text": ""}],"role": "model"},"index": 0}]}\r\n\r\n'
)


def before(tail: Tail) -> Act:
    """The opening, and then the tail."""

    def act(scene: Scene) -> Iterator[Step]:
        return _struck(scene, (after_events(pieces_of(scene), 0), 0), tail)

    return act


def after(tail: Tail) -> Act:
    """The good stream up to the place that the options say, and then the tail."""

    def act(scene: Scene) -> Iterator[Step]:
        at = strike(scene)
        if at is None:  # this stream has no such place: it stays good
            return iter((Send(wire.whole(scene.answer, scene.now)),))
        return _struck(scene, at, tail)

    return act


def _struck(scene: Scene, at: Strike, tail: Tail) -> Iterator[Step]:
    pieces = pieces_of(scene)
    event, inside = at
    begun = b"".join(wire.chunk(piece.data) for piece in pieces[:event])
    if inside:
        begun += wire.chunk(pieces[event].data[:inside])
    yield Send(wire.chunked_head(scene.answer, scene.now) + begun)
    place = described(pieces, at)
    for step in tail(scene, pieces[event:]):
        yield Met(place) if isinstance(step, Met) else step


def reset(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """A reset, after a moment in which the client reads what came before."""
    del rest
    yield Wait(scene.number("pause_s"))
    yield Met()
    yield Reset()


def cut(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """A close in order without the last chunk, in the middle of an event or at the byte that is asked for."""
    if int(scene.options.get("at_byte", NOT_SET)) < 0:
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
    event = _error(scene, rest)
    yield Send(wire.chunk(event) + wire.LAST_CHUNK)
    yield Met()


def _error(scene: Scene, rest: tuple[Piece, ...]) -> bytes:
    pieces = pieces_of(scene)
    sent = pieces[: len(pieces) - len(rest)]
    failed = bool(scene.options.get("as_failed"))
    return scene.vendor.error_event(OVERLOADED, Moment(scene.request, scene.request_id, sent, failed))


def error_event_done(scene: Scene, rest: tuple[Piece, ...]) -> Iterator[Step]:
    """An error event, then `[DONE]` as after a whole answer."""
    event = _error(scene, rest)
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
        yield Send(wire.chunk(scene.vendor.ping(scene.request)))
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
    begins = max(0, bad.find(b"{"))
    broken = bad[: begins + (len(bad) - begins) // 2] + b"\n\n"
    yield Send(wire.chunk(broken))
    yield Met()
    yield Send(b"".join(wire.chunk(piece.data) for piece in rest[1:]) + wire.LAST_CHUNK)


def role_only(scene: Scene) -> Iterator[Step]:
    """The opening, then the last chunk."""
    pieces = pieces_of(scene)
    opening = [piece.data for piece in pieces[: after_events(pieces, 0)]]
    if scene.vendor.name == "gemini":
        opening = [_GEMINI_OPENING if pieces[0].data.startswith(b"data") else b"["]
    begun = b"".join(wire.chunk(data) for data in opening)
    yield Send(wire.chunked_head(scene.answer, scene.now) + begun + wire.LAST_CHUNK)
    yield Met()


def without(*kinds: PieceKind) -> Act:
    """The good stream with some kinds of pieces left out."""

    def act(scene: Scene) -> Iterator[Step]:
        kept = tuple(piece for piece in pieces_of(scene) if piece.kind not in kinds)
        if PieceKind.CONTENT in kinds:
            kept = tuple(piece if piece.bare is None else replace(piece, data=piece.bare) for piece in kept)
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
