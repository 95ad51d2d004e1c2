"""Token counts: Anthropic's usage as OpenAI's."""

from typing import Any

import msgspec

from halfopen.model import Usage


class OutputDetails(msgspec.Struct, frozen=True):
    """What the output tokens were spent on."""

    thinking_tokens: int | None = None


class Counts(msgspec.Struct, frozen=True):
    """Anthropic's counts. Input tokens leave out those written to and read from a cache."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None

    def updated(self, later: "Counts") -> "Counts":
        """These counts with what later ones say: in a stream they are cumulative."""
        return Counts(
            _later(self.input_tokens, later.input_tokens),
            _later(self.output_tokens, later.output_tokens),
            _later(self.cache_creation_input_tokens, later.cache_creation_input_tokens),
            _later(self.cache_read_input_tokens, later.cache_read_input_tokens),
            later.output_tokens_details or self.output_tokens_details,
        )


def usage_of(counts: Counts) -> Usage:
    """The counts in the form that every layer shares."""
    details = counts.output_tokens_details
    cached = _count(counts.cache_read_input_tokens)
    return Usage(
        input_tokens=_count(counts.input_tokens) + _count(counts.cache_creation_input_tokens) + cached,
        output_tokens=_count(counts.output_tokens),
        cached_tokens=cached,
        reasoning_tokens=_count(details.thinking_tokens) if details else 0,
    )


def openai_usage(counts: Counts) -> dict[str, Any]:
    """The counts as OpenAI writes them: the prompt includes what a cache held."""
    usage = usage_of(counts)
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": _count(counts.cache_creation_input_tokens),
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _later(before: int | None, after: int | None) -> int | None:
    return before if after is None else after


def _count(value: int | None) -> int:
    return max(0, value or 0)
