"""The client's chat request (OpenAI's dialect), decoded only as deep as needed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from halfopen.providers.chat_shape import MARKED

_DIGITS_MAX = 4000


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
