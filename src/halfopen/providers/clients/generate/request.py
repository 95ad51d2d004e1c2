"""Reads a request of generateContent or streamGenerateContent."""

from dataclasses import dataclass

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind
from halfopen.providers.ask import Ask, plain_value
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.generate.generate_to_chat import to_chat
from halfopen.providers.clients.generate.generation_config import includes_thoughts
from halfopen.providers.clients.generate.losses import Losses
from halfopen.providers.clients.generate.model_name import read_path
from halfopen.providers.clients.generate.proto_json import BadRequestError, camel
from halfopen.providers.clients.json_request import read_fields
from halfopen.providers.json_body import bad

_METHODS = ("generateContent", "streamGenerateContent")


@dataclass(frozen=True)
class GenerateAsk(Ask):
    """A request in Google's own words."""

    sse: bool
    """Whether a stream is server-sent events (`alt=sse`); else it is one JSON array, as Google does."""
    thoughts: bool
    """Whether the client wants to see thoughts (`includeThoughts`)."""


def parse(request: ClientRequest) -> Chat | Fault:
    """Read a request: its model and kind are in the path, the rest in the body.

    A key in the query is not looked at here.
    """
    named = read_path(request.path, _METHODS)
    if isinstance(named, Fault):
        return named
    model, method = named
    stream = method == "streamGenerateContent"
    raw = read_fields(request.body, "contents")
    if isinstance(raw, Fault):
        return raw
    losses = Losses()
    try:
        body = to_chat(plain_value(request.body), model, losses, stream=stream)
        config = next(
            (plain_value(each) for key, each in raw.items() if camel(key) == "generationConfig"), None
        )
        thoughts = includes_thoughts(config)
        encoded = msgspec.json.encode(body)
    except BadRequestError as problem:
        return errors.make(Kind.INVALID_REQUEST, str(problem), param=problem.param)
    except (OverflowError, UnicodeError, RecursionError, msgspec.MsgspecError) as problem:
        return bad(f"The request can't be read: {problem}.")
    alt = request.query.get("alt") or request.query.get("$alt")
    ask = GenerateAsk(request.body, model, stream, sse=alt == "sse", thoughts=thoughts)
    return Chat(
        encoded,
        model,
        stream,
        stream,
        origin=ask,
        native_only=losses.native_only,
        dropped=tuple(losses.dropped),
    )
