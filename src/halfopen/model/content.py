"""What was asked and answered, in words. Names are those of OpenTelemetry's GenAI conventions."""

from dataclasses import dataclass
from enum import Enum

import msgspec


class Keep(Enum):
    """Of which requests a route keeps prompt and answer."""

    FAILED = "failed"
    """Those whose client got no whole answer."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ContentOptions:
    """What a route keeps of prompts and answers."""

    keep: Keep
    max_bytes: int = 8192
    """Of each prompt and of each answer, in UTF-8."""


class Part(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A piece of a message."""

    type: str
    """text, reasoning, refusal, tool_call, tool_call_response; blob: not kept, `content` says what it was."""
    content: str = ""
    name: str = ""
    """Of the tool."""
    left_out_bytes: int = 0
    """What is cut off at the end. 0: it is whole."""


class Message(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One message of a conversation."""

    role: str
    parts: tuple[Part, ...]


class Transcript(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A prompt or an answer, as far as it is kept."""

    messages: tuple[Message, ...] = ()
    left_out: int = 0
    """Messages that are not kept: of a prompt the first ones, of an answer the last."""

    @property
    def is_cut(self) -> bool:
        """Whether something of it is not kept, but for what is no text."""
        return self.left_out > 0 or any(part.left_out_bytes for each in self.messages for part in each.parts)


class Content(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Prompt and answer of one request, not masked yet."""

    request_id: str
    ended_wall_s: float
    """Seconds since the Unix epoch."""
    is_plain: bool
    """Whether the first call was answered whole: of such requests a store may keep a part only."""
    max_bytes: int
    """What is to be kept of each; there is more, so that what is masked is not cut in two."""
    prompt: Transcript
    answer: Transcript
