"""What has no streams: embeddings, counts and what is relayed come whole."""

from halfopen import errors
from halfopen.model import Kind, Target
from halfopen.providers.ask import Ask
from halfopen.providers.client import Writer
from halfopen.providers.clients.chat.writer import ChatWriter
from halfopen.providers.contract import StreamEvent, StreamKind, StreamReader


class NoStream:
    """Reads a stream that nobody asked for: fails at once. Implements `StreamReader`."""

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


class NoStreamTranslation:
    """What every `Translation` without streams has."""

    __slots__ = ()

    def adapted(self, ask: Ask, target: Target) -> tuple[str, ...]:  # noqa: ARG002 - the contract
        """Nothing: what is sent is followed."""
        return ()

    def reader(self, ask: Ask, target: Target, *, created_s: int = 0) -> StreamReader:  # noqa: ARG002 - the contract
        """A reader that fails."""
        return NoStream()


class NoStreamClients:
    """What every `ClientDialect` without streams has."""

    __slots__ = ()

    def writer(self, ask: Ask, *, request_id: str, created_s: int) -> Writer:  # noqa: ARG002 - the contract
        """A writer that has nothing to write but an error."""
        return ChatWriter()
