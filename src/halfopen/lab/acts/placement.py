"""Where in a good stream a fault strikes."""

from collections.abc import Sequence

from halfopen.lab.exchange import Piece, PieceKind
from halfopen.lab.fault import OptionValue, Scene
from halfopen.lab.steps import Place

NOT_SET = -1
CONTENT_EVENTS = ("content_events", 3)
PLACES: tuple[tuple[str, OptionValue], ...] = (
    CONTENT_EVENTS,
    ("at_event", NOT_SET),
    ("in_call", False),
    ("at_finish", False),
)
"""The options of a fault that strikes after some content: at most one of the last three is given."""
BYTE_PLACES: tuple[tuple[str, OptionValue], ...] = (*PLACES, ("at_byte", NOT_SET))
"""The same of a fault that can strike inside an event."""
Strike = tuple[int, int]
"""The first event that is not sent whole, and how many of its bytes are sent."""


def pieces_of(scene: Scene) -> tuple[Piece, ...]:
    """The good stream."""
    return scene.answer.pieces or ()


def after_events(pieces: Sequence[Piece], content_events: int) -> int:
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


def strike(scene: Scene) -> Strike | None:
    """Where the fault's options want it to strike; None: this stream has no such place."""
    pieces = pieces_of(scene)
    at_byte = int(scene.options.get("at_byte", NOT_SET))
    if at_byte >= 0:
        return _at_byte(pieces, at_byte)
    at_event = int(scene.options.get("at_event", NOT_SET))
    if at_event >= 0:
        return (at_event, 0) if at_event < len(pieces) else None
    if scene.options.get("in_call"):
        return _in_call(pieces)
    if scene.options.get("at_finish"):
        finish = [place for place, piece in enumerate(pieces) if piece.kind is PieceKind.FINISH]
        return (finish[0], 0) if finish else None
    return after_events(pieces, max(1, scene.count("content_events"))), 0


def _at_byte(pieces: Sequence[Piece], at_byte: int) -> Strike | None:
    left = at_byte
    for event, piece in enumerate(pieces):
        if left < len(piece.data):
            return event, left
        left -= len(piece.data)
    return None if left else (len(pieces), 0)


def _in_call(pieces: Sequence[Piece]) -> Strike | None:
    """The middle of the first call's arguments; of calls that come whole: before the last."""
    calls = [(event, piece.call) for event, piece in enumerate(pieces) if piece.call is not None]
    if not calls:
        return None
    first = [event for event, call in calls if call == calls[0][1]]
    return (first[len(first) // 2] if len(first) > 1 else calls[-1][0]), 0


def described(pieces: Sequence[Piece], at: Strike) -> Place:
    """A place as the provider reports it."""
    event, inside = at
    return Place(
        event=event,
        kind=pieces[event].kind.name.lower() if event < len(pieces) else "end",
        byte=sum(len(piece.data) for piece in pieces[:event]) + inside,
        contents=sum(piece.kind is PieceKind.CONTENT for piece in pieces[:event]),
    )
