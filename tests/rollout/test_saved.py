"""Snapshots read back from their bytes."""

import pytest

from halfopen.rollout import Configured, configure
from halfopen.rollout.example import example
from halfopen.rollout.saved import SavedError, read_back
from halfopen.rollout.snapshot import canonical, sealed

ENVIRON = {name: name for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")}


@pytest.fixture
def made():
    """What the example file comes to: every table, every kind of value."""
    configured = configure(example(), ENVIRON)
    assert isinstance(configured, Configured)
    return configured.snapshot


def test_the_example_comes_back_whole(made):
    """Equal in every part, with the same id and the same bytes."""
    found = read_back(canonical(made), made.id)
    assert found == made
    assert (found.id, canonical(found)) == (made.id, canonical(made))


def test_no_secret_is_in_it(made):
    """References only."""
    content = canonical(made)
    assert b"${OPENAI_API_KEY}" in content
    assert content.count(b"OPENAI_API_KEY") == content.count(b"${OPENAI_API_KEY}")


def test_another_id_is_refused(made):
    """The bytes decide which snapshot it is."""
    other = sealed(made.at("openai", "http://127.0.0.1:1"))
    with pytest.raises(SavedError, match=other.id):
        read_back(canonical(other), made.id)
    assert read_back(canonical(other)).id == other.id


@pytest.mark.parametrize("content", [b"", b"null", b"{}", b"\xff", b"[" * 100_000], ids=repr)
def test_what_is_no_snapshot_is_refused(content):
    """With an error of ours."""
    with pytest.raises(SavedError):
        read_back(content)
