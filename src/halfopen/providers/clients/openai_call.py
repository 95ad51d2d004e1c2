"""A request that passes to a server of OpenAI's dialect with nothing changed but the model's name.

For the parts of OpenAI's API beside chat completions. What a flavour refuses and what changes
nothing in the answer is left out here, too.
"""

import msgspec

from halfopen.model import Target
from halfopen.providers.ask import Ask, plain_value
from halfopen.providers.compatible import Compatible
from halfopen.providers.contract import Call, Dialect


def relayed(dialect: Dialect, path: str, ask: Ask, target: Target, key: str | None) -> Call:
    """The call for a request in the client's own words.

    Args:
        dialect: OpenAI's, or that of a compatible server: it says where the key goes.
        path: Below the provider's base URL.
        ask: The request. Of a stream the token counts are asked for, too: what is spent must be known.
        target: Who is asked.
        key: The credential; None: none is sent.
    """
    fields = ask.fields
    if target.model != ask.model:
        fields = {**fields, "model": msgspec.Raw(msgspec.json.encode(target.model))}
    drops = dialect.flavour.drops if isinstance(dialect, Compatible) else frozenset()
    if any(name in fields for name in drops):
        fields = {name: value for name, value in fields.items() if name not in drops}
    if ask.stream and "stream_options" not in drops:
        fields = _usage_asked(fields)
    body = ask.body if fields is ask.fields else msgspec.json.encode(fields)
    return Call(path, _headers(dialect, key, "text/event-stream" if ask.stream else "application/json"), body)


def _usage_asked(fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    raw = fields.get("stream_options")
    options = plain_value(raw) if raw is not None else None
    options = options if isinstance(options, dict) else {}
    if options.get("include_usage") is True:
        return fields
    return {**fields, "stream_options": msgspec.Raw(msgspec.json.encode({**options, "include_usage": True}))}


def _headers(dialect: Dialect, key: str | None, accept: str) -> tuple[tuple[str, str], ...]:
    return (("content-type", "application/json"), ("accept", accept), *key_headers(dialect, key))


def key_headers(dialect: Dialect, key: str | None) -> tuple[tuple[str, str], ...]:
    """The header that carries the key; none without a key."""
    if not key:
        return ()
    name = dialect.flavour.key_header if isinstance(dialect, Compatible) else "authorization"
    return ((name, f"Bearer {key}" if name == "authorization" else key),)
