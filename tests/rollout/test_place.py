"""Places are written as TOML writes keys."""

import pytest

from halfopen.rollout.place import key, place, quoted


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(("gateway", "port"), "gateway.port", id="bare"),
        pytest.param(
            ("routes", "gpt-4o-mini", "deadlines_s"), 'routes."gpt-4o-mini".deadlines_s', id="quoted"
        ),
        pytest.param(("routes", "x", "targets", 1), "routes.x.targets[1]", id="array item"),
        pytest.param(("routes", 'a"b\\c'), 'routes."a\\"b\\\\c"', id="escaped"),
        pytest.param(("routes", "ключ"), 'routes."ключ"', id="not ASCII"),
        pytest.param((), "", id="whole file"),
    ],
)
def test_a_place_reads_like_toml(path, expected):
    """A place can be searched for in the file as it is printed."""
    assert place(path) == expected


def test_control_characters_are_escaped():
    """Nothing in a name can move the terminal's cursor."""
    assert quoted("a\x1b[2J") == '"a\\u001b[2J"'


def test_a_key_is_bare_when_it_can_be():
    """A header in a hint is valid TOML."""
    assert (key("my-local"), key("a.b")) == ("my-local", '"a.b"')
