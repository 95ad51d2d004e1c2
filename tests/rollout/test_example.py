"""The example file has everything and passes the check."""

import re

from halfopen.rollout import Configured, configure
from halfopen.rollout.example import example
from halfopen.rollout.fields import tables

ENVIRON = {
    **dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_ORG"), "v"),
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "HALFOPEN_STORE_URL": "postgresql://127.0.0.1/halfopen",
    "HALFOPEN_DASHBOARD_TOKEN": "a-token-of-the-tests",
}


def test_the_example_passes_the_check():
    """Once its variables are set, the example can be served as it is."""
    assert isinstance(configure(example(), ENVIRON), Configured)


def test_the_example_passes_with_every_line_taken_in():
    """What is shown behind a `#` is right as well."""
    whole = re.sub(r"(?m)^#(?=\w)", "", example())
    outcome = configure(whole, ENVIRON)
    assert isinstance(outcome, Configured), outcome


def test_every_setting_is_in_the_example():
    """Nothing has to be looked up elsewhere."""
    text = example()
    shown = set(re.findall(r"(?m)^#?(\w+) = ", text))
    assert {field.name for table in tables() for field in table.fields} <= shown


def test_no_line_is_too_long_for_a_terminal():
    """Comments are wrapped."""
    assert max(map(len, example().splitlines())) <= 110
