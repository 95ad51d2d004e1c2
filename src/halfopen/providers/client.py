"""What every dialect of clients offers the gateway: read a request, write an answer, word an error.

A client's dialect does no I/O. What a client sends is untrusted: `parse` never raises on it, it
returns a `Fault`. How each dialect is served by each provider is a `Translation`, one file a pair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from halfopen.model import Fault, Target
from halfopen.providers.contract import Dialect, StreamEvent, Translation


class ClientRequest(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request of a client, as far as its dialect needs it."""

    path: str
    """Decoded, without the query: `/v1beta/models/gemini-2.5-flash:generateContent`."""
    query: Mapping[str, str]
    """Decoded; of a name that comes twice the last."""
    headers: Mapping[str, str]
    """Names in lower case; lines of a header that is a list are joined, of others the last counts."""
    body: bytes
    method: str = "POST"
    raw_query: str = ""
    """The query as it came, without the question mark."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A final failure, redacted, to be put into the words of the client's dialect."""

    fault: Fault
    status: int
    """The HTTP status of the answer, or that it would have had if the stream had not begun. 4xx or 5xx."""
    request_id: str
    details: Mapping[str, Any]
    """Halfopen's own: kind, verdict, place, remedy, attempts. To be sent as `halfopen` inside the error."""


class Writer(Protocol):
    """Writes one streamed answer in the client's dialect, over all attempts that it takes.

    Made once a request, when the stream begins. Every event that is written will be read by the
    client: what failed unseen never comes here. Events come in order; before the first may come
    pings. After a continuation the events are those of another provider, as chunks.
    """

    @property
    def content_type(self) -> str:
        """The content type of the response."""
        ...

    def write(self, event: StreamEvent) -> bytes:
        """The client's bytes for one event: its `native` bytes as they are, or its chunks translated.

        Never DONE or FAULT. Empty when the client gets nothing.
        """
        ...

    def finish(self) -> bytes:
        """The proper end, after every event. Empty where the last event is the end."""
        ...

    def error(self, failure: Failure) -> bytes:
        """The one and only end of an answer that failed: an error event of the client's dialect."""
        ...

    def ping(self) -> bytes:
        """What keeps a silent connection alive, harmless to the dialect's official client."""
        ...

    def comment(self, text: str) -> bytes:
        """A remark that the dialect's official client passes over; empty where it knows none.

        `text` is one line of printable ASCII.
        """
        ...


class ClientDialect(Protocol):
    """One kind of client."""

    @property
    def name(self) -> str:
        """chat, responses, completions, embeddings, messages, generate or relay."""
        ...

    @property
    def request_id_header(self) -> str:
        """The response header in which the official client looks for the upstream's request id."""
        ...

    def parse(self, request: ClientRequest) -> Any | Fault:
        """Read a request: an `Ask` or a class of it, or what is wrong with it (verdict FIX_REQUEST)."""
        ...

    def translation(self, dialect: Dialect, target: Target) -> Translation:
        """How a target of a provider's dialect serves this client's requests."""
        ...

    def writer(self, ask: Any, *, request_id: str, created_s: int) -> Writer:
        """A writer for the answer to a streamed request.

        Args:
            ask: What `parse` returned.
            request_id: Ours, for ids that no upstream gives.
            created_s: The time of the answer in Unix seconds.
        """
        ...

    def error(self, failure: Failure) -> bytes:
        """The JSON body of an error answer."""
        ...
