"""Google's Gemini models, as the Gemini API serves them.

Limits: the model pages under https://ai.google.dev/gemini-api/docs/models
Prices: https://ai.google.dev/gemini-api/docs/pricing (paid tier, text, prompts up to 200,000 tokens)
Retirement: https://ai.google.dev/gemini-api/docs/deprecations
"""

from dataclasses import replace

from halfopen.model import Capabilities, Price
from halfopen.providers.catalogue.entry import Entry, Family

_PAGES = "https://ai.google.dev/gemini-api/docs/models/"

_GEMINI = Capabilities(stop_max=5, logprobs=False, reasoning=True)
_ONE_CHOICE = replace(_GEMINI, choices=False)
"""Gemini 3. From 3.6 on the vendor advises against tuning the sampling, but the API takes it."""


def _entry(
    model: str,
    capabilities: Capabilities,
    price: tuple[float, float],
    retires: str | None = None,
) -> Entry:
    limited = replace(capabilities, context_tokens=1_048_576, output_tokens=65_536)
    return Entry(model, limited, Price(*price), _PAGES + model, retires)


ENTRIES: tuple[Entry, ...] = (
    # The introductory price, which doubles on 2027-01-01.
    _entry("gemini-3.8-flash", _ONE_CHOICE, (0.75, 3.75)),
    _entry("gemini-3.7-flash", _ONE_CHOICE, (0.75, 3.75)),
    _entry("gemini-3.6-flash", _ONE_CHOICE, (0.75, 3.75)),
    _entry("gemini-3.5-flash", _ONE_CHOICE, (1.5, 9.0)),
    _entry("gemini-3.5-flash-lite", _ONE_CHOICE, (0.3, 2.5)),
    _entry("gemini-3.1-pro-preview", _ONE_CHOICE, (2.0, 12.0)),
    _entry("gemini-2.5-pro", _GEMINI, (1.25, 10.0), "2026-12-01"),
    _entry("gemini-2.5-flash", _GEMINI, (0.3, 2.5), "2026-12-01"),
    _entry("gemini-2.5-flash-lite", _GEMINI, (0.1, 0.4)),
)

FAMILIES: tuple[Family, ...] = (
    Family(r"gemini-[12]\.", _GEMINI),
    Family(r"", _ONE_CHOICE),
)
