"""The reader of a stream that nobody asks for: embeddings, counts and what is relayed come whole."""

from halfopen import errors
from halfopen.model import Kind
from halfopen.providers.contract import StreamEvent, StreamKind


class NoStream:
    """Fails at once. Implements `StreamReader`."""

    __slots__ = ("_over",)

    def __init__(self) -> None:
        """Begin."""
        self._over = False

    def feed(self, data: bytes) -> list[StreamEvent]:  # noqa: ARG002 - the contract
        """Return the fault, once."""
        return self.close()

    def close(self) -> list[StreamEvent]:
        """Return the fault, once."""
        if self._over:
            return []
        self._over = True
        fault = errors.make(Kind.MALFORMED_ANSWER, "The answer is a stream, which nobody asked for.")
        return [StreamEvent(StreamKind.FAULT, fault=fault)]
