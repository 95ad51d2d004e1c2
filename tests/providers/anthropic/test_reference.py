"""The reference page lists every field, and says what the code does."""

import re
from pathlib import Path

import pytest
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from halfopen.providers.anthropic import openai_to_anthropic as translation
from halfopen.providers.anthropic.finish import FINISH_REASONS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "translation-anthropic.md").read_text(
    encoding="utf-8"
)
FIELDS = sorted(
    {
        name
        for params in (CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming)
        for name in (params.__required_keys__ | params.__optional_keys__)
    }
)
EXTRA = ("top_k",)
"""Not OpenAI's, but clients of other servers send it."""


def row_of(field):
    found = re.search(rf"^\| `{field}` \| (.+) \|$", PAGE, re.MULTILINE)
    assert found, f"docs/reference/translation-anthropic.md has no row for the request field {field}"
    return found[1]


@pytest.mark.parametrize("field", FIELDS)
def test_every_openai_field_is_listed_and_handled(field):
    """Every field that the openai SDK can send has a row, and a rule in the code."""
    row = row_of(field)
    kinds = {
        "translated": field in translation.TRANSLATED,
        "no effect": field in translation.WITHOUT_EFFECT,
        "unfit": field in translation.NEUTRAL,
    }
    assert sum(kinds.values()) == 1, f"{field} needs exactly one rule, has {kinds}"
    if kinds["no effect"]:
        assert row.startswith("no effect")
    if kinds["unfit"]:
        assert row.startswith("unfit")


def test_no_row_is_out_of_date():
    """The code has no rule for a field that the page or the SDK doesn't know."""
    rules = translation.TRANSLATED | translation.WITHOUT_EFFECT | translation.NEUTRAL.keys()
    assert rules == {*FIELDS, *EXTRA}
    assert all(row_of(field) for field in EXTRA)


@pytest.mark.parametrize("reason", FINISH_REASONS)
def test_every_stop_reason_is_listed(reason):
    """Every stop reason is on the page."""
    assert f"`{reason}`" in PAGE


def test_every_stop_reason_of_the_sdk_is_known():
    """The stop reasons are those of Anthropic's SDK."""
    from typing import get_args

    from anthropic.types import StopReason

    assert set(get_args(StopReason)) == set(FINISH_REASONS)
