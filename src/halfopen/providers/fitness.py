"""Whether a model can do what a chat request asks for.

Only what the request really contains is looked at, so a plain request costs next to nothing. What
a target can't do is a reason to skip it, never something to drop silently. A dialect adds the
limits of its own translation to this check.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from halfopen.model import Capabilities
from halfopen.providers.ask import plain_value
from halfopen.providers.chat import Chat

CHARS_PER_TOKEN: Final = 6
"""More than real text has (about 4 in English, fewer in other languages), so that what fits passes."""

_EMPTY: Final = frozenset((b"null", b"[]", b"{}", b"false", b'""'))


def unfit(chat: Chat, capabilities: Capabilities, *, adapted: Collection[str] = ()) -> str | None:
    """Say in a few words why a model can't do what the request asks for.

    Args:
        chat: A request that `parse_chat` accepted.
        capabilities: What the model can do.
        adapted: Fields that the dialect fits to the model itself, so that none of them is a reason.

    Returns:
        The reason, or None when nothing in the request stands against the model.
    """
    for name, value in chat.marked.items():
        rule = _RULES.get(name)
        if rule is not None and name not in adapted and given(value):
            reason = rule(value, capabilities)
            if reason is not None:
                return reason
    return _unfit_messages(chat, capabilities)


def given(value: msgspec.Raw | None) -> bool:
    """Whether a request field is there and asks for something: not null, false or empty."""
    return value is not None and bytes(value) not in _EMPTY


def message_parts(chat: Chat) -> list[dict[str, Any]]:
    """The content parts of all messages, in order; text given as a plain string is not among them."""
    messages = chat.deep.get("messages")
    return [
        part
        for message in (messages if isinstance(messages, list) else ())
        if isinstance(message, dict) and isinstance(content := message.get("content"), list)
        for part in content
        if isinstance(part, dict)
    ]


def _unfit_messages(chat: Chat, capabilities: Capabilities) -> str | None:
    body = chat.body
    if not capabilities.system and (b'"system"' in body or b'"developer"' in body):
        messages = chat.deep["messages"]
        if any(isinstance(each, dict) and each.get("role") in ("system", "developer") for each in messages):
            return "no system messages"
    inline_chars = 0
    if chat.may_have_parts:
        for part in message_parts(chat):
            reason = _unfit_part(part, capabilities)
            if reason is not None:
                return reason
            inline_chars += _inline_chars(part)
    context = capabilities.context_tokens
    if context is not None and len(body) > context * CHARS_PER_TOKEN:
        tokens = (_text_chars(chat.fields["messages"]) - inline_chars) // CHARS_PER_TOKEN
        if tokens > context:
            return f"the prompt has at least {tokens} tokens, the context {context}"
    return None


def _unfit_part(part: dict[str, Any], capabilities: Capabilities) -> str | None:
    kind = part.get("type")
    if kind == "image_url":
        if not capabilities.images:
            return "no images"
        if not capabilities.image_urls and not _image_url(part).startswith("data:"):
            return "images only inline, not by URL"
    elif kind == "input_audio" and not capabilities.audio:
        return "no audio"
    elif kind == "file" and not capabilities.files:
        return "no files"
    return None


def _image_url(part: dict[str, Any]) -> str:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    return url if isinstance(url, str) else ""


def _text_chars(raw: msgspec.Raw) -> int:
    """Characters, not bytes: a Cyrillic letter has two bytes, and six when it is escaped."""
    text = bytes(raw).decode()
    return len(text) - text.count("\\u") * (len("\\u0416") - 1)


def _inline_chars(part: dict[str, Any]) -> int:
    """Characters of a part that are no prompt text: what is inline has a token count of its own."""
    url = _image_url(part)
    if url:
        return len(url)
    total = 0
    for name, field in (("input_audio", "data"), ("file", "file_data")):
        holder = part.get(name)
        data = holder.get(field) if isinstance(holder, dict) else None
        total += len(data) if isinstance(data, str) else 0
    return total


def _tools(_raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    return None if capabilities.tools else "no tools"


def _response_format(raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    if capabilities.json_schema and capabilities.json_object:
        return None
    value = plain_value(raw)
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "json_schema" and not capabilities.json_schema:
        return "no JSON-schema output"
    if kind == "json_object" and not capabilities.json_object:
        return "no JSON-object output"
    return None


def _choices(raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    if capabilities.choices:
        return None
    value = plain_value(raw)
    return "one choice only (n > 1 asked)" if isinstance(value, int) and value > 1 else None


def _logprobs(raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    return "no logprobs" if not capabilities.logprobs and bytes(raw) != b"0" else None


def _seed(_raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    return None if capabilities.seed else "no seed"


def _sampling_at(default: float) -> Callable[[msgspec.Raw, Capabilities], str | None]:
    """Make the rule of a sampling field: at its default it changes nothing, so every model takes it."""

    def rule(raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
        return (
            "sampling can't be changed" if not capabilities.sampling and plain_value(raw) != default else None
        )

    return rule


def _top_k(raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    """0 and -1 are how servers write no bound."""
    return (
        "sampling can't be changed" if not capabilities.sampling and plain_value(raw) not in (0, -1) else None
    )


def _output_tokens(raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    most = capabilities.output_tokens
    if most is None:
        return None
    value = plain_value(raw)
    if isinstance(value, int | float) and value > most:
        return f"at most {most} output tokens ({value} asked)"
    return None


def _stop(raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    most = capabilities.stop_max
    if most is None:
        return None
    value = plain_value(raw)
    count = len(value) if isinstance(value, list) else 1
    return f"at most {most} stop sequences ({count} asked)" if count > most else None


def _reasoning(raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    return "no reasoning" if not capabilities.reasoning and bytes(raw) != b'"none"' else None


def _modalities(raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    return "no audio" if not capabilities.audio and b'"audio"' in bytes(raw) else None


def _audio(_raw: msgspec.Raw, capabilities: Capabilities) -> str | None:
    return None if capabilities.audio else "no audio"


_Rule = Callable[[msgspec.Raw, Capabilities], str | None]
_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "audio": _audio,
        "frequency_penalty": _sampling_at(0),
        "functions": _tools,
        "logit_bias": _sampling_at(0),
        "logprobs": _logprobs,
        "max_completion_tokens": _output_tokens,
        "max_tokens": _output_tokens,
        "modalities": _modalities,
        "n": _choices,
        "presence_penalty": _sampling_at(0),
        "reasoning_effort": _reasoning,
        "response_format": _response_format,
        "seed": _seed,
        "stop": _stop,
        "temperature": _sampling_at(1),
        "tools": _tools,
        "top_logprobs": _logprobs,
        "top_k": _top_k,
        "top_p": _sampling_at(1),
    }
)
