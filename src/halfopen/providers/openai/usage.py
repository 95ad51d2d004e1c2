"""Token counts as OpenAI writes them."""

import msgspec

from halfopen.model import Usage


class _Prompt(msgspec.Struct):
    cached_tokens: int | None = None


class _Completion(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Prompt | None = None
    completion_tokens_details: _Completion | None = None


_DECODER = msgspec.json.Decoder(_Usage | None)


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """Read a `usage` value. None when there is none, or none that makes sense.

    Odd token counts never spoil an answer: some servers leave fields out or send null.
    """
    if not raw:
        return None
    try:
        counts = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if counts is None:
        return None
    prompt, completion = counts.prompt_tokens_details, counts.completion_tokens_details
    return Usage(
        input_tokens=_count(counts.prompt_tokens),
        output_tokens=_count(counts.completion_tokens),
        cached_tokens=_count(prompt.cached_tokens) if prompt else 0,
        reasoning_tokens=_count(completion.reasoning_tokens) if completion else 0,
    )


def _count(tokens: int | None) -> int:
    return max(0, tokens or 0)
