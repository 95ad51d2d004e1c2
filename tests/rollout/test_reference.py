"""References stand for secrets, and secrets are not shown."""

import pytest

from halfopen.rollout import reference
from halfopen.rollout.reference import Secrets


def test_secrets_never_show_their_values():
    """Printing, formatting and nesting show names only."""
    secrets = Secrets({"OPENAI_API_KEY": "sk-secret"})
    shown = f"{secrets} {secrets!r} {[secrets]}"
    assert "sk-secret" not in shown
    assert "OPENAI_API_KEY" in shown


def test_secrets_are_a_copy():
    """A change of the environment later changes nothing."""
    values = {"A": "1"}
    secrets = Secrets(values)
    values["A"] = "2"
    assert dict(secrets) == {"A": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("${A}", "A", id="whole"),
        pytest.param("x${A}", None, id="part"),
        pytest.param("${A}${B}", None, id="two"),
        pytest.param("$A", None, id="no braces"),
        pytest.param("${}", None, id="no name"),
    ],
)
def test_only_a_whole_value_is_one_reference(text, expected):
    """A key is one reference and nothing else."""
    assert reference.referred(text) == expected


def test_references_inside_text_are_filled_in():
    """A header may hold text and references."""
    assert reference.resolve("Bearer ${A}, ${B}", {"A": "1", "B": "${A}"}) == "Bearer 1, ${A}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("${1A}", id="digit first"),
        pytest.param("${A", id="not closed"),
        pytest.param("${A.B}", id="dot"),
        pytest.param("${ A }", id="blanks"),
    ],
)
def test_a_reference_that_cant_be_read_is_seen(text):
    """A typing error in a reference is not taken for text."""
    assert reference.malformed(text)
