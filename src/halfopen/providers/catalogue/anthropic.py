"""Anthropic's models.

Limits and prices: https://platform.claude.com/docs/en/models/overview and the page of each model,
https://platform.claude.com/docs/en/about-claude/pricing
What a model refuses: its migration guide, such as
https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide (no sampling, no prefill)
Retirement: https://platform.claude.com/docs/en/about-claude/model-deprecations
"""

from dataclasses import replace

from halfopen.model import Capabilities, Price
from halfopen.providers.catalogue.entry import Entry, Family

_PAGES = "https://platform.claude.com/docs/en/models/"

_SAMPLING = Capabilities(
    logprobs=False,
    choices=False,
    reasoning=True,
    prefill=True,
    audio=False,
)
"""Claude up to 4.5. It has no seed, but OpenAI promises no more than an effort: not a reason to skip it."""
_NO_PREFILL = replace(_SAMPLING, prefill=False)
"""Claude 4.6 answers a prefilled message with 400."""
_NO_SAMPLING = replace(_NO_PREFILL, sampling=False)
"""Claude 4.7 and later also refuse temperature and top_p away from their defaults."""


def _entry(
    model: str,
    capabilities: Capabilities,
    tokens: tuple[int, int],
    price: tuple[float, float] | None,
    retires: str | None = None,
) -> Entry:
    limited = replace(capabilities, context_tokens=tokens[0], output_tokens=tokens[1])
    page = _PAGES + model.removeprefix("claude-") + "/overview"
    return Entry(model, limited, Price(*price) if price else None, page, retires)


ENTRIES: tuple[Entry, ...] = (
    _entry("claude-fable-5-2", _NO_SAMPLING, (1_000_000, 128_000), (8.0, 40.0)),
    _entry("claude-fable-5-1", _NO_SAMPLING, (1_000_000, 128_000), (10.0, 50.0)),
    _entry("claude-opus-5-5", _NO_SAMPLING, (1_000_000, 128_000), (4.0, 20.0)),
    _entry("claude-opus-5", _NO_SAMPLING, (1_000_000, 128_000), (5.0, 25.0)),
    _entry("claude-sonnet-5-5", _NO_SAMPLING, (1_000_000, 128_000), (2.0, 10.0)),
    _entry("claude-sonnet-5", _NO_SAMPLING, (1_000_000, 128_000), (2.0, 10.0)),
    # Prompts over 100,000 tokens cost five times as much.
    _entry("claude-haiku-5-5", _NO_SAMPLING, (1_000_000, 128_000), (0.1, 0.5)),
    _entry("claude-opus-4-8", _NO_SAMPLING, (1_000_000, 128_000), None),
    _entry("claude-opus-4-7", _NO_SAMPLING, (1_000_000, 128_000), (5.0, 25.0)),
    _entry("claude-opus-4-6", _NO_PREFILL, (1_000_000, 128_000), (5.0, 25.0)),
    _entry("claude-sonnet-4-6", _NO_PREFILL, (1_000_000, 64_000), (3.0, 15.0)),
    _entry("claude-opus-4-5", _SAMPLING, (200_000, 64_000), (5.0, 25.0)),
    _entry("claude-sonnet-4-5", _SAMPLING, (200_000, 64_000), (3.0, 15.0), "2026-11-30"),
    _entry("claude-haiku-4-5", _SAMPLING, (200_000, 64_000), (1.0, 5.0)),
)

FAMILIES: tuple[Family, ...] = (
    Family(r"claude-3", replace(_SAMPLING, reasoning=False, json_schema=False, context_tokens=200_000)),
    Family(
        r"claude-(?:opus|sonnet|haiku)-4-(?:[0-5](?!\d)|20\d{6})", replace(_SAMPLING, context_tokens=200_000)
    ),
    Family(r"", _NO_SAMPLING),
)
