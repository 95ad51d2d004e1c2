"""What every provider's dialect offers the drivers of a journey: translate out, and back.

A dialect does no I/O and keeps no state but a stream reader's own. Whatever comes from an upstream
is untrusted: a dialect never raises on it, it returns a `Fault`.

Requests that can be chats are carried as `Chat`, OpenAI's chat completion, between a client's
dialect and a provider's; what both have beyond it travels in `Chat.origin` or in extra fields.
"""

from enum import Enum, auto
from typing import Any, Protocol

import msgspec

from halfopen.model import Fault, Reply, Target, Usage
from halfopen.providers.chat import Chat


class Call(msgspec.Struct, frozen=True, gc=False):
    """An HTTP request to an upstream."""

    path: str
    """Path and query below the provider's base URL, starting with a slash."""
    headers: tuple[tuple[str, str], ...]
    """Without host, content-length and connection headers, which the transport adds."""
    body: bytes
    method: str = "POST"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A whole, valid answer: of a `Translation` in the client's dialect, of a `Dialect` a chat completion."""

    body: bytes
    finish_reason: str
    usage: Usage | None = None
    content_type: str = "application/json"


class StreamKind(Enum):
    """What a piece of a stream means to the journey."""

    OPENING = auto()
    """Begins an answer (the role) but carries none of it."""
    CONTENT = auto()
    """Part of the answer: text, refusal, reasoning, or a piece of a tool call."""
    PING = auto()
    """Nothing; keeps the connection alive. Moves no timer."""
    FINISH = auto()
    """The finish evidence (finish_reason, message_stop, finishReason)."""
    USAGE = auto()
    """Token counts."""
    DONE = auto()
    """The stream is over and whole. Nothing follows. Its data is empty: the driver writes `data: [DONE]`."""
    FAULT = auto()
    """The stream has failed. Nothing follows."""


class Form(Enum):
    """What a piece of an answer consists of."""

    NONE = auto()
    """No content."""
    TEXT = auto()
    """Text of the only, or first, choice. Nothing else: what follows it can be written by another model."""
    REASONING = auto()
    """The model's thoughts before its answer."""
    CALL = auto()
    """A piece of a tool call, whatever else is in it."""
    OTHER = auto()
    """A refusal, audio, an image, another choice: what no other model can go on with."""


class StreamEvent(msgspec.Struct, frozen=True):
    """One piece of a streamed answer."""

    kind: StreamKind
    data: bytes = b""
    """Whole server-sent events: chat completion chunks; empty when there is nothing to say."""
    chars: int = 0
    """Characters of answer in it, for the throughput floor."""
    fault: Fault | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    form: Form = Form.NONE
    """What the content consists of. A FINISH may carry content as well."""
    text: str = ""
    """The text that it adds to the first choice, when the form is TEXT."""
    native: bytes = b""
    """The upstream's own events, byte for byte, when the client speaks the upstream's dialect.

    Then `data` is what they mean as chunks, for whoever must go on in their place; the client gets these."""


class StreamReader(Protocol):
    """Reads one upstream stream. Made anew for each attempt."""

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Return what `data` completes. After DONE or FAULT: nothing."""
        ...

    def close(self) -> list[StreamEvent]:
        """The body ended cleanly. Ends with DONE or FAULT unless either was returned before."""
        ...


class Translation(Protocol):
    """One client dialect served by one provider's dialect. The request is of the client's own class.

    `Dialect` is the translation of chats; those of other clients mostly build on it.
    """

    def unfit(self, ask: Any, target: Target, /) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        ...

    def adapted(self, ask: Any, target: Target, /) -> tuple[str, ...]:
        """What the target will not follow exactly although it answers, a short ASCII phrase each."""
        ...

    def call(self, ask: Any, target: Target, key: str | None, /) -> Call:
        """The upstream's request. Only for a request that `unfit` passed."""
        ...

    def answer(self, ask: Any, target: Target, reply: Reply, /, *, created_s: int = 0) -> Answer | Fault:
        """Judge a whole 2xx reply and make of it an answer in the client's dialect."""
        ...

    def reader(self, ask: Any, target: Target, /, *, created_s: int = 0) -> StreamReader:
        """A reader for a stream; the client's `Writer` makes its events the client's."""
        ...


class Dialect(Protocol):
    """How to talk to one kind of provider on behalf of an OpenAI chat client."""

    @property
    def name(self) -> str:
        """openai, anthropic or gemini."""
        ...

    @property
    def default_base_url(self) -> str:
        """The vendor's own address, used when the configuration gives none."""
        ...

    def speaks(self, client: str, target: Target) -> bool:
        """Whether the target itself serves a client's dialect, so that requests and answers pass as they are.

        Args:
            client: The name of a `ClientDialect`: responses, completions, embeddings, messages, generate.
            target: The model that would be asked.
        """
        ...

    def unfit(self, chat: Chat, target: Target) -> str | None:
        """Why the target can't do what the request asks for, in a few words; None: it can."""
        ...

    def adapted(self, chat: Chat, target: Target) -> tuple[str, ...]:
        """What the target will not follow exactly although it answers, a short phrase each.

        Plain ASCII, fit for a header. Only for a chat that `unfit` passed. Cheap: it is asked for
        every answer, and looks at the top-level fields only.
        """
        ...

    def call(self, chat: Chat, target: Target, key: str | None) -> Call:
        """The upstream's request. Only for a chat that `unfit` passed."""
        ...

    def answer(self, chat: Chat, target: Target, reply: Reply, *, created_s: int = 0) -> Answer | Fault:
        """Judge and translate a whole 2xx reply to a request that was not streamed.

        Args:
            chat: The request.
            target: Who answered it.
            reply: The reply.
            created_s: The time of the answer in Unix seconds, used where the vendor gives none.
        """
        ...

    def reader(self, chat: Chat, target: Target, *, created_s: int = 0) -> StreamReader:
        """A reader for the body of a 2xx reply with content type text/event-stream.

        Args:
            chat: The request.
            target: Who answers it.
            created_s: The time of the answer in Unix seconds, used where the vendor gives none.
        """
        ...
