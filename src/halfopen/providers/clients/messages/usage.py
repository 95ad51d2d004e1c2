"""Token counts: OpenAI's usage as Anthropic's, whose input leaves out what a cache held."""

from typing import Any

import msgspec

from halfopen.model import Usage


class _Prompt(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Completion(msgspec.Struct, frozen=True):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Prompt | None = None
    completion_tokens_details: _Completion | None = None


_DECODER = msgspec.json.Decoder(_Usage | None)


def read_usage(raw: msgspec.Raw) -> dict[str, Any] | None:
    """Read a chat completion's `usage`; None when there is none, or none that makes sense."""
    if not bytes(raw):
        return None
    try:
        counts = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if counts is None:
        return None
    prompt = counts.prompt_tokens_details or _Prompt()
    completion = counts.completion_tokens_details or _Completion()
    return _counts(
        counts.prompt_tokens,
        counts.completion_tokens,
        read=prompt.cached_tokens,
        written=prompt.cache_write_tokens,
        reasoning=completion.reasoning_tokens,
    )


def messages_usage(usage: Usage | None) -> dict[str, Any]:
    """Anthropic's counts of a usage that every layer shares; zeros when it isn't known."""
    usage = usage or Usage()
    return _counts(
        usage.input_tokens, usage.output_tokens, read=usage.cached_tokens, reasoning=usage.reasoning_tokens
    )


def _counts(
    prompt: int | None,
    completion: int | None,
    *,
    read: int | None = None,
    written: int | None = None,
    reasoning: int | None = None,
) -> dict[str, Any]:
    cached, stored = max(0, read or 0), max(0, written or 0)
    made: dict[str, Any] = {
        "input_tokens": max(0, (prompt or 0) - cached - stored),
        "cache_creation_input_tokens": stored,
        "cache_read_input_tokens": cached,
        "output_tokens": max(0, completion or 0),
    }
    if reasoning is not None and reasoning > 0:
        made["output_tokens_details"] = {"thinking_tokens": reasoning}
    return made
