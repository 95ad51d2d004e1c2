"""TOML text becomes data and lines."""

import pytest

from halfopen.rollout.problem import Problem
from halfopen.rollout.toml import Parsed, parse

TEXT = """\
[gateway]
port = 8500

[providers.openai]
headers.x = "[routes]"
headers = { y = "1" }
"""


def test_every_setting_has_its_line():
    """Headers, plain keys, dotted keys and quoted keys are all found."""
    text = (
        "[gateway]\nport = 1\n\n"
        '[routes."gpt-4o-mini"]\n  targets = [\n    "a/b",\n  ]\n  "stall_s" = 3\n'
        "[policy]\nretry.base_s = 1\n"
    )
    parsed = parse(text)
    assert isinstance(parsed, Parsed)
    assert parsed.lines == {
        ("gateway",): 1,
        ("gateway", "port"): 2,
        ("routes", "gpt-4o-mini"): 4,
        ("routes", "gpt-4o-mini", "targets"): 5,
        ("routes", "gpt-4o-mini", "stall_s"): 8,
        ("policy",): 9,
        ("policy", "retry"): 10,
        ("policy", "retry", "base_s"): 10,
    }


def test_text_inside_a_long_string_is_no_setting():
    """A multi-line string that looks like TOML moves no line."""
    parsed = parse('a = """\n[b]\nc = 1\n"""\nd = 2\n')
    assert isinstance(parsed, Parsed)
    assert parsed.lines == {("a",): 1, ("d",): 5}


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        pytest.param("[gateway]\nport == 1\n", 2, "column 7", id="in a line"),
        pytest.param("[gateway\nport = 1\n", 1, "column 9", id="header not closed"),
        pytest.param('a = "b', 1, "end of the file", id="at the end"),
        pytest.param("a = 1\na = 2\n", 2, "column 6", id="twice"),
        pytest.param(TEXT, 6, "column", id="table over dotted keys"),
    ],
)
def test_a_syntax_error_says_where(text, line, column):
    """Line and column of the first syntax error are told."""
    problem = parse(text)
    assert isinstance(problem, Problem)
    assert (problem.line, column in problem.message) == (line, True), problem


def test_deep_nesting_is_a_problem_not_a_crash():
    """A file made to exhaust the stack is refused."""
    problem = parse("a = " + "[" * 100_000)
    assert isinstance(problem, Problem)
    assert "deeply" in problem.message


def test_a_number_too_long_to_read_is_a_problem():
    """Python itself refuses such numbers with an error of its own kind."""
    problem = parse("a = " + "9" * 5000)
    assert isinstance(problem, Problem)
    assert "too long" in problem.message
