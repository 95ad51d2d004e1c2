"""A client's completion request (OpenAI's `POST /v1/completions`), decoded as deep as needed."""

from dataclasses import dataclass
from typing import Any

from halfopen.model import Fault
from halfopen.providers.ask import Ask
from halfopen.providers.clients.json_request import read_fields, read_model, read_stream
from halfopen.providers.json_body import bad

_WANTS = "model and prompt"


@dataclass(frozen=True)
class Completion(Ask):
    """A completion request as the client sent it. Make it with `parse_completion`."""

    text: str | None = None
    """The prompt, when it is one text; None: it is several, or tokens."""
    prompts: int = 1
    """How many prompts there are; each gets `n` choices."""
    longest: str = ""
    """The longest prompt that is text: each must fit the model by itself."""
    include_usage: bool = False
    """Whether the client wants a usage chunk at the end of the stream."""

    @property
    def choices(self) -> int:
        """How many choices the answer must have."""
        n = self.value("n")
        return self.prompts * (n if isinstance(n, int) and n > 1 else 1)


def parse_completion(body: bytes) -> Completion | Fault:
    """Decode a request's body.

    Args:
        body: The body as the client sent it, already decompressed.

    Returns:
        The request, or a Fault (verdict FIX_REQUEST) that says what is wrong.
    """
    fields = read_fields(body, _WANTS)
    if isinstance(fields, Fault):
        return fields
    model = read_model(fields)
    if isinstance(model, Fault):
        return model
    stream = read_stream(fields)
    if isinstance(stream, Fault):
        return stream
    bare = Ask(body, model, stream)
    prompt = bare.value("prompt")
    if prompt is None:
        return bad("prompt is missing: send the text to complete.", "prompt")
    texts = _texts(prompt)
    if texts is None:
        return bad("prompt must be a string, or a list of strings, tokens or lists of tokens.", "prompt")
    options = bare.value("stream_options")
    return Completion(
        body,
        model,
        stream,
        text=texts[0] if len(texts) == 1 else None,
        prompts=_count(prompt),
        longest=max((text for text in texts if text is not None), key=len, default=""),
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _texts(prompt: Any) -> list[str | None] | None:
    """The prompts, with None for each that is tokens; None: that is no prompt."""
    if isinstance(prompt, str):
        return [prompt]
    if not isinstance(prompt, list) or not prompt:
        return None
    if _is_tokens(prompt):
        return [None]
    if not all(isinstance(each, str) or _is_tokens(each) for each in prompt):
        return None
    return [each if isinstance(each, str) else None for each in prompt]


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(each) is int for each in value)


def _count(prompt: Any) -> int:
    return len(prompt) if isinstance(prompt, list) and not _is_tokens(prompt) else 1
