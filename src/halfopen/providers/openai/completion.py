"""A whole chat completion, decoded as deep as the judgement needs."""

from typing import Any, Final

import msgspec

from halfopen.providers.openai.chunk import given


class CompletionMessage(msgspec.Struct, gc=False):
    """The message of one choice."""

    content: str | list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[msgspec.Raw] | None = None
    function_call: msgspec.Raw = msgspec.Raw()
    audio: msgspec.Raw = msgspec.Raw()
    images: list[msgspec.Raw] | None = None

    @property
    def filled(self) -> bool:
        """Whether anything is in it."""
        return bool(
            self.content
            or self.refusal
            or self.tool_calls
            or self.images
            or given(self.function_call)
            or given(self.audio)
        )


class CompletionChoice(msgspec.Struct, gc=False):
    """One choice."""

    message: CompletionMessage | None = None
    finish_reason: str | None = None


class Completion(msgspec.Struct, gc=False):
    """A chat completion."""

    choices: list[CompletionChoice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


COMPLETIONS: Final = msgspec.json.Decoder(Completion)
