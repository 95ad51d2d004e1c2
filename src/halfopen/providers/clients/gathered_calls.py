"""Gathers the pieces of tool calls until they are whole."""

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
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

    A chat completion may mix the pieces of several calls; in most other dialects they come one by
    one. Pieces carry their call's index, but some servers leave it out, or give every call the same:
    then a new id begins a new call.
    """

    __slots__ = ("_latest", "calls")

    def __init__(self) -> None:
        """There are none yet."""
        self.calls: list[GatheredCall] = []
        self._latest: dict[int | None, GatheredCall] = {}

    def add(self, index: int | None, call_id: str | None, name: str | None, arguments: str) -> GatheredCall:
        """Take one piece, and return the call that it belongs to.

        Args:
            index: The call's place among the calls; None: the server says none.
            call_id: Comes with the first piece, or with each.
            name: Comes with the first piece.
            arguments: The next of the arguments.
        """
        call = self._latest.get(index)
        if call is None or (call_id and call.id and call_id != call.id):
            call = GatheredCall(call_id or None)
            self.calls.append(call)
            self._latest[index] = call
        call.id = call.id or call_id or None
        call.name = call.name or name or ""
        if arguments:
            call.pieces.append(arguments)
        return call
