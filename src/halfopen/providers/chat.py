"""The client's chat request (OpenAI's dialect), decoded only as deep as needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import msgspec

from halfopen.providers.ask import Ask
from halfopen.providers.chat_shape import MARKED

_PART_HINTS: Final = (b'"image_url"', b'"input_audio"', b'"file"')


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
        """Takes the fields as they are. Most have their defaults, which stand in the class."""
        fields = self.__dict__
        fields["body"] = body
        fields["model"] = model
        fields["stream"] = stream
        if include_usage:
            fields["include_usage"] = include_usage
        if headers:
            fields["headers"] = headers
        if origin is not None:
            fields["origin"] = origin
        if native_only is not None:
            fields["native_only"] = native_only
        if dropped:
            fields["dropped"] = dropped
        if continues:
            fields["continues"] = continues

    @cached_property
    def may_have_parts(self) -> bool:
        """Whether a message may have an image, sound or a file as a part. Found without decoding."""
        return may_have_parts(self.body)

    @cached_property
    def marked(self) -> Mapping[str, msgspec.Raw]:
        """Those of the `MARKED` fields that it has, each as its raw JSON. Mostly a few, or none."""
        return {name: self.fields[name] for name in MARKED if name in self.fields}


def may_have_parts(body: bytes) -> bool:
    """Whether a message of a request may have an image, sound or a file as a part."""
    return b'"type"' in body and any(hint in body for hint in _PART_HINTS)  # every part has a type


def asks_for_json(chat: Chat) -> bool:
    """Whether the answer must be JSON, so that a part of it is of no use."""
    raw = chat.fields.get("response_format")
    return raw is not None and b'"json_' in bytes(raw)
