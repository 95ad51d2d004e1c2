"""A client's embeddings request (OpenAI's `POST /v1/embeddings`), decoded as deep as needed."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from halfopen.model import Fault
from halfopen.providers.ask import Ask
from halfopen.providers.clients.json_request import read_fields, read_model
from halfopen.providers.json_body import bad

_WANTS = "model and input"


class InputKind(Enum):
    """What is to be embedded."""

    TEXT = auto()
    TOKENS = auto()
    OTHER = auto()
    """What some servers take beside text: images, objects. It can only be passed on."""


@dataclass(frozen=True)
class Embedding(Ask):
    """An embeddings request as the client sent it. Make it with `parse_embedding`. Never a stream."""

    kind: InputKind = InputKind.TEXT
    inputs: int = 1
    """How many vectors the answer must have."""
    longest_chars: int = 0
    """Characters of the longest input, when it is text."""
    dimensions: int | None = None
    """Numbers that each vector must have; None: as many as the model makes."""
    base64: bool = False
    """Whether the vectors are to be packed: 32-bit floats, little-endian, in base64."""

    @property
    def texts(self) -> list[str]:
        """The inputs, when they are text; else none."""
        if self.kind is not InputKind.TEXT:
            return []
        given = self.value("input")
        return [given] if isinstance(given, str) else list(given)


def parse_embedding(body: bytes) -> Embedding | Fault:
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
    ask = Ask(body, model, stream=False)
    given = ask.value("input")
    if given is None:
        return bad("input is missing: send the text to embed.", "input")
    if not isinstance(given, str | list):
        return bad("input must be a string, or a list of strings, tokens or lists of tokens.", "input")
    if not given:
        return bad("input is empty: send at least one text.", "input")
    dimensions = ask.value("dimensions")
    if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
        return bad("dimensions must be an integer of at least 1.", "dimensions")
    encoding = ask.value("encoding_format")
    if encoding not in (None, "float", "base64"):
        return bad('encoding_format must be "float" or "base64".', "encoding_format")
    kind = _kind(given)
    return Embedding(
        body,
        model,
        stream=False,
        kind=kind,
        inputs=len(given) if isinstance(given, list) and not _is_tokens(given) else 1,
        longest_chars=_longest(given) if kind is InputKind.TEXT else 0,
        dimensions=dimensions,
        base64=encoding == "base64",
    )


def _kind(given: str | list[Any]) -> InputKind:
    if isinstance(given, str) or all(isinstance(each, str) for each in given):
        return InputKind.TEXT
    if _is_tokens(given) or all(_is_tokens(each) for each in given):
        return InputKind.TOKENS
    return InputKind.OTHER


def _longest(given: str | list[str]) -> int:
    return len(given) if isinstance(given, str) else max(map(len, given))


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(each) is int for each in value)
