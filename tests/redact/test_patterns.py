"""Patterns of the configuration: what can be used, what it masks, and that none takes long."""

import time

import pytest

from halfopen import redact
from halfopen.redact.patterns import STEPS_MAX, problem_of

USABLE = (
    "EMP-[0-9]{6}",
    r"\bK[0-9]{5,8}\b",
    "(?i)customer [0-9]{5,8}",
    "(?:foo|bar)-[a-z]{1,64}",
    r"(?<!\d)[0-9]{3}-[0-9]{4}(?!\d)",
    "[A-Z]{2}[0-9]{2}(?: [A-Z0-9]{4}){3,5}",
    "case-[^ ]{1,40}+",
)
REFUSED = {
    "(": "no regular expression",
    "a+": "a repetition without end",
    "a{3,}": "a repetition without end",
    "x?": "matches an empty text",
    "(a{1,20}){1,20}b": "too many ways",
    "(?:a|a|a|a){1,30}b": "too many ways",
    "a{1,60000}": "too many ways",
    "a(?=b+)c": "look-ahead",
    r"(ab)\1": "a reference to a group",
    "(a)?(?(1)b|c)d": "a reference to a group",
    "x" * 501: "more than 500 characters",
}


@pytest.mark.parametrize("pattern", USABLE)
def test_a_bounded_pattern_is_usable(pattern):
    """With an upper bound to every repetition."""
    assert problem_of(pattern) == ""


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_could_take_long_is_refused(pattern):
    """With the reason, and what to write instead where that can be said."""
    assert REFUSED[pattern] in problem_of(pattern)
    assert redact.known([], patterns=[pattern]).patterns == ()


def test_what_a_pattern_finds_is_masked():
    """In texts and in JSON, beside all that is masked anyway; masking twice is masking once."""
    redactor = redact.known([], patterns=["EMP-[0-9]{6}", "pattern", "card"])
    text = "EMP-314159 has a pattern, joe@example.com and 4111 1111 1111 1111"
    masked = redactor.text(text)
    assert masked == "[pattern] has a [pattern], [email] and [card]"
    assert redactor.text(masked) == masked
    assert redactor.json_value({"note": "EMP-314159"}) == {"note": "[pattern]"}
    assert redact.text("EMP-314159") == "EMP-314159"


@pytest.mark.alone
@pytest.mark.parametrize(
    "pattern", ["a{1,120}b", "(?:a|b){1,12}c", "[ab]{1,40}[ab]{1,8}c", "(?:a{1,3}){1,5}c"]
)
def test_no_text_takes_long(pattern):
    """The longest prompt that is kept, made so that it nearly matches everywhere: seconds at the very most."""
    assert problem_of(pattern) == "", STEPS_MAX
    redactor = redact.known([], patterns=[pattern])
    began = time.perf_counter()
    redactor.text("a" * 65_536)
    assert time.perf_counter() - began < 5.0
