"""Names of policies where there is little room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.app.simulation.short_names import short_names


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        pytest.param(["none", "halfopen"], ["none", "halfopen"], id="policies"),
        pytest.param(["halfopen", "./etc/mine.toml"], ["halfopen", "mine.toml"], id="a path"),
        pytest.param(["a/me.toml", "b/me.toml"], ["a/me.toml", "b/me.toml"], id="of one name"),
        pytest.param(["old/halfopen.toml", "new/halfopen.toml"], ["old/…", "new/…"], id="longer than the room"),
        pytest.param(["v1/etc/halfopen.toml", "v2/etc/halfopen.toml"], ["v1/…", "v2/…"], id="in the middle"),
        pytest.param(["halfopen.toml", "new/halfopen.toml"], ["halfopen.toml", "new/…"], id="here and below"),
        pytest.param(["a-long-name-of-mine.toml"], ["a-long-name-…"], id="cut"),
        pytest.param(["a-long-name-of-1.toml", "a-long-name-of-2.toml"], ["…me-of-1.toml", "…me-of-2.toml"], id="cut at the front"),
        pytest.param(["./halfopen.toml", "halfopen.toml"], ["…alfopen.toml", "halfopen.toml"], id="one file twice"),
    ],
)  # fmt: skip
def test_short_names(names, shown):
    """The least that tells one from the other."""
    found = short_names(names, 13)
    assert [found[name] for name in names] == shown


@given(st.lists(st.text("ab/.", min_size=1, max_size=30), unique=True, max_size=12), st.integers(8, 20))
def test_never_two_alike(names, letters):
    """Whatever the paths are, each has a text of its own that has room."""
    found = short_names(names, letters)
    assert set(found) == set(names)
    assert len(set(found.values())) == len(names)
    assert all(0 < len(text) <= letters for text in found.values())
