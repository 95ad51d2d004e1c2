"""Gathers the pieces of tool calls until they are whole."""

from dataclasses import dataclass, field

from halfopen.providers.clients.messages.said import ToolCall, arguments_text


@dataclass(slots=True)
class GatheredCall:
    """One call, as far as it has come."""

    id: str | None
    name: str = ""
    pieces: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> str:
        """The arguments, as the model wrote them."""
        return "".join(self.pieces)


class GatheredCalls:
    """The calls of one answer in their order.

    A chat completion may mix the pieces of several calls; Anthropic's blocks come one by one. Pieces
    carry their call's index, but some servers leave it out, or give every call the same: then a new
    id begins a new call.
    """

    __slots__ = ("_latest", "calls")

    def __init__(self) -> None:
        """There are none yet."""
        self.calls: list[GatheredCall] = []
        self._latest: dict[int | None, GatheredCall] = {}

    def add(self, piece: ToolCall) -> None:
        """Take one piece."""
        call = self._latest.get(piece.index)
        if call is None or (piece.id and call.id and piece.id != call.id):
            call = GatheredCall(piece.id or None)
            self.calls.append(call)
            self._latest[piece.index] = call
        call.id = call.id or piece.id or None
        if piece.function is not None:
            call.name = call.name or piece.function.name or ""
            call.pieces.append(arguments_text(piece.function.arguments))
