"""The client's chat request (OpenAI's dialect): decoded once, and only as deep as needed.

A good request is decoded once, shallowly; why a bad one is bad is worked out only when it is bad.
What passes `parse_chat` can be decoded in full without an error: its text is valid UTF-8 and its
nesting is bounded.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

import msgspec
from msgspec import structs

from halfopen.model import Fault
from halfopen.providers.json_body import bad, is_too_deep, not_json, not_utf8, too_deep

_DIGITS_MAX = 4000


class _Message(msgspec.Struct):
    role: str


class _Shallow(msgspec.Struct):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None


MARKED: Final = (
    "tools",
    "functions",
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "service_tier",
    "stop",
    "temperature",
    "top_k",
    "top_logprobs",
    "top_p",
)
"""Fields that a model may refuse, or that say how much is asked."""
# One pass over the body reads the request and tells which of them are there.
_Read: Final = cast(
    "type[_Shallow]",
    msgspec.defstruct("_Read", [(name, msgspec.Raw, msgspec.Raw()) for name in MARKED], bases=(_Shallow,)),
)
_READ: Final = msgspec.json.Decoder(_Read)
_UNMARKED: Final = (msgspec.Raw(),) * len(MARKED)
_SHALLOW_FIELDS: Final = len(_Shallow.__struct_fields__)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Ask:
    """A request as the client sent it, in the client's own dialect."""

    body: bytes
    """The request's body, byte for byte. A JSON object, valid UTF-8, of bounded nesting."""
    model: str
    """The model name that the client sent: the route's name."""
    stream: bool
    headers: tuple[tuple[str, str], ...] = field(default=(), kw_only=True)
    """The client's headers that a provider of the same dialect must see, such as anthropic-beta."""

    @cached_property
    def fields(self) -> dict[str, msgspec.Raw]:
        """The top-level fields, each as its raw JSON."""
        return _FIELDS.decode(self.body)

    @cached_property
    def deep(self) -> dict[str, Any]:
        """The whole request as plain Python values."""
        deep: dict[str, Any] = plain_value(self.body)
        return deep

    def value(self, name: str) -> Any:
        """One top-level field as a plain Python value; None when it is null or not there."""
        raw = self.fields.get(name)
        return None if raw is None else plain_value(raw)


@dataclass(frozen=True, init=False)
class Chat(Ask):
    """A chat completion request, as the client sent it or as a request of another dialect means it.

    Make it with `parse_chat`, or with `parse` of the client's dialect.
    """

    include_usage: bool = False
    """Whether the client wants a usage chunk at the end of the stream."""
    origin: Ask | None = field(default=None, kw_only=True)
    """The request that this one translates; None: the client sent it so."""
    native_only: str | None = field(default=None, kw_only=True)
    """Why only a provider of the client's own dialect can serve it, in a few words; None: any may."""
    dropped: tuple[str, ...] = field(default=(), kw_only=True)
    """What of the origin is lost in this form and no promise, a short ASCII phrase each: "no top_k"."""
    continues: bool = field(default=False, kw_only=True)
    """Whether the answer goes on with one that was cut, so that it may well be empty."""

    def __init__(  # noqa: PLR0913 - the fields; the generated one takes ten times as long
        self,
        body: bytes,
        model: str,
        stream: bool,  # noqa: FBT001 - a field
        include_usage: bool = False,  # noqa: FBT001, FBT002 - a field
        *,
        headers: tuple[tuple[str, str], ...] = (),
        origin: Ask | None = None,
        native_only: str | None = None,
        dropped: tuple[str, ...] = (),
        continues: bool = False,
    ) -> None:
        """Takes the fields as they are."""
        fields = self.__dict__
        fields["body"] = body
        fields["model"] = model
        fields["stream"] = stream
        fields["headers"] = headers
        fields["include_usage"] = include_usage
        fields["origin"] = origin
        fields["native_only"] = native_only
        fields["dropped"] = dropped
        fields["continues"] = continues

    @cached_property
    def marked(self) -> Mapping[str, msgspec.Raw]:
        """Those of the `MARKED` fields that it has, each as its raw JSON. Mostly a few, or none."""
        return {name: self.fields[name] for name in MARKED if name in self.fields}


def asks_for_json(chat: Chat) -> bool:
    """Whether the answer must be JSON, so that a part of it is of no use."""
    raw = chat.fields.get("response_format")
    return raw is not None and b'"json_' in bytes(raw)


def plain_value(raw: bytes | msgspec.Raw) -> Any:
    """A part of an accepted request as a plain Python value. Never raises on such a part."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError:  # a number beyond a double, such as 1e999: valid JSON still
        return json.loads(bytes(raw), parse_int=_integer)


def _integer(digits: str) -> int | float:
    """An integer of thousands of digits as a float (infinite): Python refuses to make it an int."""
    return int(digits) if len(digits) <= _DIGITS_MAX else float(digits)


def parse_chat(body: bytes) -> Chat | Fault:
    """Decode a request's body.

    Args:
        body: The body as the client sent it, already decompressed.

    Returns:
        The request, or a Fault (verdict FIX_REQUEST) that says what is wrong, where, and what to do.
    """
    try:
        shallow = _READ.decode(body)
        if not body.isascii():
            body.decode()  # the shallow decoder does not look into the text
    except msgspec.ValidationError as problem:
        return _wrong_shape(body, str(problem))
    except UnicodeDecodeError:
        return not_utf8(body)
    except msgspec.DecodeError as problem:
        return not_json(body, str(problem), "model and messages")
    except RecursionError:
        return too_deep()
    if not shallow.messages:
        return bad("messages is empty: send at least one message.", "messages")
    if not shallow.model:
        return bad("model is empty: send the name of a model.", "model")
    if is_too_deep(body):
        return too_deep()
    options = shallow.stream_options
    usage = options is not None and options.get("include_usage") is True
    chat = Chat(body, shallow.model, shallow.stream is True, usage)
    # What the property would find out by decoding once more.
    values = structs.astuple(shallow)[_SHALLOW_FIELDS:]
    chat.__dict__["marked"] = (
        {} if values == _UNMARKED else {name: raw for name, raw in zip(MARKED, values, strict=True) if raw}
    )
    return chat


_NOUNS: Mapping[str, str] = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
_MISSING = re.compile(r"Object missing required field `([^`]+)`(?: - at `\$\.?(.*)`)?$")
_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`(?: - at `\$\.?(.*)`)?$")


def _wrong_shape(body: bytes, problem: str) -> Fault:
    """Put the decoder's words (`Expected `str`, got `int` - at `$.model``) into an SDK user's."""
    if missing := _MISSING.match(problem):
        name, inside = missing[1], missing[2]
        where = f"{inside}.{name}" if inside else name
        advice = {"model": "send the name of a model", "messages": "send a list of messages"}
        return bad(f"{where} is missing: {advice.get(name, 'every message needs a role')}.", where)
    if expected := _EXPECTED.match(problem):
        wanted = _nouns(expected[1].replace(" | null", "").replace("null | ", ""))
        got = "a boolean" if expected[2] == "bool" else _nouns(expected[2])
        where = _place_of(body, expected[3] or "")
        if not where:
            return bad(f"The request body must be a JSON object with model and messages, not {got}.")
        return bad(f"{where} must be {wanted}, not {got}.", where)
    return bad(f"The request is not a chat completion request: {problem}.")


def _nouns(types: str) -> str:
    return " or ".join(_NOUNS.get(each, each) for each in types.split(" | "))


def _place_of(body: bytes, path: str) -> str:
    """Give the decoder's path with the number of the message, which it leaves out."""
    if "[...]" not in path:
        return path
    before, _, after = path.partition("[...]")
    field = after.removeprefix(".")
    try:
        messages = msgspec.json.decode(body).get(before)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return path
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict) or (field and not isinstance(message.get(field), str)):
            return f"{before}[{index}]{after}"
    return path
