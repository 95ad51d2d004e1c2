"""Snapshots are named by their content and hold no secret."""

import re

from hypothesis import given
from hypothesis import strategies as st

from halfopen.rollout import Configured, configure
from halfopen.rollout.snapshot import canonical


def test_the_same_content_has_the_same_id(configured, good):
    """Order, comments, blanks and defaults that are written out change nothing."""
    providers, _, route = good.partition("[routes")
    again = (
        f"# a comment\n[gateway]\nport = 8500\nidle_timeout_s = 75\n[routes{route}stall_s = 20\n{providers}"
    )
    assert configured(again).snapshot.id == configured().snapshot.id


def test_other_content_has_another_id(configured):
    """A change of any kind is seen."""
    ids = {
        configured(more=more).snapshot.id
        for more in (
            "",
            "stall_s = 21",
            "[gateway]\nport = 8600",
            "[policy.retry]\ncap_s = 9",
            "[providers.local]\nlocal = true",
        )
    }
    assert len(ids) == 5


def test_an_id_is_16_hex_digits(configured):
    """It fits into logs and headers."""
    assert re.fullmatch(r"[0-9a-f]{16}", configured().snapshot.id)


def test_the_value_of_a_key_is_no_part_of_the_snapshot(configured):
    """A new key in the environment keeps the id, and no value is anywhere in the snapshot."""
    one = configured(environ={"OPENAI_API_KEY": "sk-1st", "ANTHROPIC_API_KEY": "b"})
    two = configured(environ={"OPENAI_API_KEY": "sk-2nd", "ANTHROPIC_API_KEY": "b"})
    assert one.snapshot == two.snapshot
    assert one.snapshot.id == two.snapshot.id
    assert "sk-1st" not in f"{one}{canonical(one.snapshot)!r}"
    assert one.snapshot.providers["openai"].key_value(one.secrets) == "sk-1st"


def test_a_local_model_gets_its_address_later(configured):
    """The address of a process that runs is not configuration."""
    snapshot = configured(more="[providers.local]\nlocal = true\n").snapshot
    placed = snapshot.at("local", "http://127.0.0.1:9000/v1/")
    assert placed.providers["local"].base_url == "http://127.0.0.1:9000/v1"
    assert placed.id == snapshot.id
    assert snapshot.providers["local"].base_url == ""


toml_values = st.recursive(
    st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["gateway", "port", "providers", "routes", "defaults", "policy", "x", "targets", "dialect", "local"]
)


@given(
    st.dictionaries(
        names,
        st.dictionaries(names, st.dictionaries(names, toml_values, max_size=3) | toml_values, max_size=3),
    )
)
def test_any_data_is_either_configured_or_refused(data):
    """No content of a file raises."""
    from halfopen.rollout import configure_data

    outcome = configure_data(data, {})
    assert isinstance(outcome, Configured) or outcome.problems


@given(st.text(max_size=60))
def test_any_text_is_either_configured_or_refused(text):
    """No text raises."""
    outcome = configure(text, {})
    assert isinstance(outcome, Configured) or outcome.problems
