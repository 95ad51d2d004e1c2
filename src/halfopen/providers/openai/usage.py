"""Token counts as OpenAI writes them."""

import re

import msgspec

from halfopen.model import Usage
from halfopen.providers.openai.token_counts import TOKEN_COUNTS

# Inside a string every quotation mark has a backslash before it, so this is never a part of one.
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def without_usage(raw: bytes, data: bytes, *, told: bool) -> bytes:
    """An event without the token counts, for a client that didn't ask for them.

    Args:
        raw: The event as it came. Most only have a `usage` of null, which is cut out of the bytes.
        data: Its JSON.
        told: Whether there are counts in it.
    """
    if told:
        fields = {name: value for name, value in _FIELDS.decode(data).items() if name != "usage"}
        return b"data: " + msgspec.json.encode(fields) + b"\n\n"
    if b'"usage"' not in raw:
        return raw
    start, end = null_usage(raw)
    return raw[:start] + raw[end:] if end else raw


def null_usage(raw: bytes) -> tuple[int, int]:
    """Where the first `usage` of null begins, with the comma before it, and ends. 0, 0: there is none."""
    found = _NULL_USAGE.search(raw)
    return (found.start(), found.end()) if found is not None else (0, 0)


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """Read a `usage` value. None when there is none, or none that makes sense.

    Odd token counts never spoil an answer: some servers leave fields out or send null.
    """
    if not raw:
        return None
    try:
        counts = TOKEN_COUNTS.decode(raw)
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
