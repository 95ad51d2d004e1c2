"""OpenAI's chat models.

Limits: the model pages under https://developers.openai.com/api/docs/models
Prices: https://developers.openai.com/api/docs/pricing (standard tier, short prompts)
Retirement: https://developers.openai.com/api/docs/deprecations
"""

from dataclasses import replace

from halfopen.model import Capabilities, Price
from halfopen.providers.catalogue.entry import Entry, Family

_PAGES = "https://developers.openai.com/api/docs/models/"

_PLAIN = Capabilities(stop_max=4, audio=False)
"""The models before reasoning."""
_O_SERIES = Capabilities(
    parallel_tools=False, stop_max=0, sampling=False, logprobs=False, reasoning=True, audio=False
)
"""They refuse temperature, top_p, penalties, logprobs, stop and parallel_tool_calls."""
_REASONING = Capabilities(stop_max=0, sampling=False, logprobs=False, reasoning=True, audio=False)
"""The models that reason unless told not to: they refuse sampling, logprobs and stop."""
_OPTIONAL = Capabilities(stop_max=0, reasoning=True, audio=False)
"""GPT-5.1 to 5.4 don't reason unless asked to, and then they take temperature."""


def _entry(
    model: str,
    capabilities: Capabilities,
    tokens: tuple[int, int],
    price: tuple[float, float],
    retires: str | None = None,
) -> Entry:
    limited = replace(capabilities, context_tokens=tokens[0], output_tokens=tokens[1])
    return Entry(model, limited, Price(*price), _PAGES + model, retires)


ENTRIES: tuple[Entry, ...] = (
    _entry("gpt-6-astra", _REASONING, (1_050_000, 128_000), (10.0, 50.0)),
    _entry("gpt-6.1-sol", _REASONING, (1_050_000, 128_000), (2.0, 10.0)),
    _entry("gpt-6-sol", _REASONING, (1_050_000, 128_000), (2.0, 10.0)),
    _entry("gpt-6-luna", _REASONING, (1_050_000, 128_000), (0.1, 0.5)),
    _entry("gpt-5.6-sol", _REASONING, (1_050_000, 128_000), (4.0, 20.0)),
    _entry("gpt-5.6-terra", _REASONING, (1_050_000, 128_000), (2.0, 12.0)),
    _entry("gpt-5.6-luna", _REASONING, (1_050_000, 128_000), (0.2, 1.2)),
    _entry("gpt-5.5", _REASONING, (1_050_000, 128_000), (5.0, 30.0)),
    _entry("gpt-5.4", _OPTIONAL, (1_050_000, 128_000), (2.5, 15.0)),
    _entry("gpt-5.4-mini", _OPTIONAL, (400_000, 128_000), (0.75, 4.5)),
    _entry("gpt-5.4-nano", _OPTIONAL, (400_000, 128_000), (0.2, 1.25)),
    _entry("gpt-5.2", _OPTIONAL, (400_000, 128_000), (1.75, 14.0)),
    _entry("gpt-5.1", _OPTIONAL, (400_000, 128_000), (1.25, 10.0), "2027-04-01"),
    _entry("gpt-5", _REASONING, (400_000, 128_000), (1.25, 10.0), "2026-12-11"),
    _entry("gpt-5-mini", _REASONING, (400_000, 128_000), (0.25, 2.0), "2026-12-11"),
    _entry("gpt-5-nano", _REASONING, (400_000, 128_000), (0.05, 0.4), "2026-12-11"),
    _entry("o3", _O_SERIES, (200_000, 100_000), (2.0, 8.0), "2026-12-11"),
    _entry("o4-mini", _O_SERIES, (200_000, 100_000), (1.1, 4.4), "2026-10-23"),
    _entry("o3-mini", replace(_O_SERIES, images=False), (200_000, 100_000), (1.1, 4.4), "2026-10-23"),
    _entry("o1", _O_SERIES, (200_000, 100_000), (15.0, 60.0), "2026-10-23"),
    _entry("gpt-4.1", _PLAIN, (1_047_576, 32_768), (2.0, 8.0), "2027-01-14"),
    _entry("gpt-4.1-mini", _PLAIN, (1_047_576, 32_768), (0.4, 1.6), "2027-01-14"),
    _entry("gpt-4.1-nano", _PLAIN, (1_047_576, 32_768), (0.1, 0.4), "2026-10-23"),
    _entry("gpt-4o", _PLAIN, (128_000, 16_384), (2.5, 10.0), "2027-01-14"),
    _entry("gpt-4o-mini", _PLAIN, (128_000, 16_384), (0.15, 0.6), "2027-01-14"),
    _entry("gpt-4-turbo", replace(_PLAIN, json_schema=False), (128_000, 4_096), (10.0, 30.0), "2026-10-23"),
    _entry(
        "gpt-3.5-turbo",
        replace(_PLAIN, json_schema=False, images=False, files=False),
        (16_385, 4_096),
        (0.5, 1.5),
        "2026-10-23",
    ),
)

FAMILIES: tuple[Family, ...] = (
    Family(r"o\d", _O_SERIES),
    Family(r"gpt-5\.[1-4]", _OPTIONAL),
    # The models of ChatGPT itself don't reason, so they take temperature.
    Family(r"gpt-5-chat", Capabilities(audio=False)),
    Family(r"gpt-(?:[5-9]|\d\d)(?!\d)", _REASONING),
    # Not a name of OpenAI's: another server that speaks the dialect knows best what it can do.
    Family(r"", Capabilities(reasoning=True)),
)
