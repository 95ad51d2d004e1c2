"""Times, durations and foreign text in the terminal, and attempts as bars."""

import pytest

from halfopen.cli.shown import duration, iso_time, moment, money, plain
from halfopen.cli.waterfall import Bar, drawn

NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("text", "wall_s"),
    [
        ("90s", NOW - 90),
        ("15m", NOW - 900),
        ("1.5h", NOW - 5400),
        ("7d", NOW - 604_800),
        ("2026-11-18T11:06:40+00:00", NOW),
        ("2026-11-18T12:06:40+01:00", NOW),
    ],
)
def test_a_moment(text, wall_s):
    """So long ago, or a time."""
    assert moment(text, NOW) == wall_s


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1w", "yesterday", "2026-13-01"])
def test_no_moment(text):
    """It is said, not guessed."""
    with pytest.raises(ValueError, match=r"."):
        moment(text, NOW)


def test_iso_time_is_read_back():
    """To the millisecond."""
    assert iso_time(NOW + 0.25) == "2026-11-18T11:06:40.250+00:00"
    assert moment(iso_time(NOW + 0.25), 0.0) == NOW + 0.25


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "-"), (0.04, "0.0 ms"), (9.94, "9.9 ms"), (1234.4, "1234 ms"), (12_345.0, "12.3 s")],
)
def test_a_duration(ms, text):
    """As exact as it is worth."""
    assert duration(ms) == text


@pytest.mark.parametrize(("usd", "text"), [(0.0, "$0"), (0.00004, "$0.000040"), (12.5, "$12.50")])
def test_money(usd, text):
    """More digits the less it is."""
    assert money(usd) == text


def test_foreign_text_is_plain_and_bounded():
    """Nothing of it reaches the terminal as a command."""
    assert plain("a\x1b[2J\nb\u202e") == "a�[2J�b�"
    assert plain("x" * 300, 10) == "x" * 9 + "…"


BARS = {
    "all phases": (Bar("t", 0, 100, 20, 60, ""), "··░░░░████"),
    "later": (Bar("t", 50, 100, 60, 80, ""), "     ·░░██"),
    "never connected": (Bar("t", 0, 100, None, None, ""), "··········"),
    "no answer": (Bar("t", 0, 100, 30, None, ""), "···░░░░░░░"),
    "a moment": (Bar("t", 50, 50, 50, 50, ""), "     █    "),
    "at the very end": (Bar("t", 100, 100, None, None, ""), "         ·"),
    "an open connection": (Bar("t", 0, 50, 0, 50, ""), "░░░░█     "),
}


@pytest.mark.parametrize("case", BARS)
def test_a_bar_has_its_phases(case):
    """Every bar is as long as the scale, and however short something is, it is seen."""
    bar, line = BARS[case]
    assert drawn([bar], 100.0, 10) == ["t  " + line]


def test_names_stand_in_a_column():
    """The bars begin below one another."""
    lines = drawn([Bar("a", 0, 10, 0, 5, ""), Bar("longer", 0, 10, 0, 5, "")], 10.0, 4)
    assert lines == ["a       ░░██", "longer  ░░██"]
    assert drawn([], 0.0, 4) == []
