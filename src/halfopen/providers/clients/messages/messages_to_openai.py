"""Messages on OpenAI and the servers that speak its dialect.

Special to the pair, beside what every stand-in is spared:

- `top_k` is sent to the servers that are known to take it; OpenAI refuses the name.
- An effort above what a model has becomes its highest; `none` is not sent, since most models that
  reason refuse it.
- OpenAI enforces a schema only when every property is required and nothing more is allowed; Anthropic
  has optional properties. A request that relies on the guarantee is not sent.
- A user's id of more than 64 characters is not sent: OpenAI refuses it.
- `service_tier` is sent to OpenAI only: elsewhere the tiers have other names.

Sources: platform.openai.com/docs/api-reference/chat/create, and the guides on reasoning and on
structured outputs.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from halfopen.model import Target
from halfopen.providers.chat import Chat
from halfopen.providers.clients.messages.fitting import (
    Fit,
    Fitted,
    limited,
    spared_thinking,
    with_field,
    without,
)
from halfopen.providers.compatible import Compatible
from halfopen.providers.contract import Dialect

USER_CHARS_MAX = 64
_OPENAI = ("openai", "azure")
_TAKE_TOP_K = ("vllm", "llamacpp", "ollama", "openrouter", "together")
_HAS_XHIGH = re.compile(r"gpt-(?:5\.[2-9]|[6-9])(?!\d)")


def messages_to_openai(dialect: Dialect) -> Fitted:
    """The translation for a server that speaks OpenAI's dialect."""
    return Fitted(dialect, fit_openai)


def fit_openai(chat: Chat, dialect: Dialect, target: Target) -> Fit:
    """Fit a chat that came as a Messages request to a server of OpenAI's dialect."""
    server = dialect.flavour.name if isinstance(dialect, Compatible) else "openai"
    fit = limited(chat, target)
    chat, adapted = fit.chat, fit.adapted
    if "top_k" in chat.fields and server not in _TAKE_TOP_K:
        chat, adapted = without(chat, ("top_k",)), (*adapted, "top_k has no effect")
    effort = chat.value("reasoning_effort")
    if effort == "none":
        chat = without(chat, ("reasoning_effort",))
    elif effort in ("xhigh", "max"):
        highest = "xhigh" if _HAS_XHIGH.match(target.model) else "high"
        if highest != effort:
            chat, adapted = (
                with_field(chat, "reasoning_effort", highest),
                (*adapted, f"effort is {highest}, the highest there is"),
            )
    if server not in _OPENAI:
        chat = without(chat, ("service_tier",))
    elif len(str(chat.value("user") or "")) > USER_CHARS_MAX:
        chat = without(chat, ("user",))
    if server in _OPENAI and (reason := _unenforced(chat)):
        return Fit(chat, adapted, reason)
    spared = spared_thinking(chat, dialect, target)
    return Fit(spared.chat, (*adapted, *spared.adapted))


def _unenforced(chat: Chat) -> str | None:
    """Why OpenAI would refuse to enforce a schema that Anthropic does; None: it wouldn't."""
    for where, schema in _strict_schemas(chat):
        if not _closed(schema):
            return f"OpenAI can't enforce {where}: every property must be required, and no other allowed"
    return None


def _strict_schemas(chat: Chat) -> Iterator[tuple[str, Any]]:
    form = chat.value("response_format")
    if isinstance(form, dict) and isinstance(form.get("json_schema"), dict):
        yield "the output format", form["json_schema"].get("schema")
    raw = chat.fields.get("tools")
    if raw is None or b'"strict"' not in bytes(raw):
        return
    for tool in chat.value("tools"):
        function = tool["function"]
        if function.get("strict") is True:
            yield "the input of a strict tool", function["parameters"]


def _closed(schema: object) -> bool:
    """Whether every object in a schema lists all its properties as required and allows no others."""
    if isinstance(schema, list):
        return all(map(_closed, schema))
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) and not _lists_all(schema, properties):
        return False
    inner = {name: value for name, value in schema.items() if name not in ("enum", "const", "default")}
    for name in ("properties", "$defs", "definitions"):
        if isinstance(named := inner.pop(name, None), dict) and not all(map(_closed, named.values())):
            return False
    return all(map(_closed, inner.values()))


def _lists_all(schema: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    required = schema.get("required")
    named = required if isinstance(required, list) else []
    return schema.get("additionalProperties") is False and all(name in named for name in properties)
