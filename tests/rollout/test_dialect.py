"""Dialects by name."""

from halfopen.rollout import DIALECTS, dialect_of
from halfopen.rollout.settings import Provider


def test_every_dialect_of_the_settings_is_there():
    """What can be written can be spoken."""
    assert {name: dialect_of(name).name for name in DIALECTS} == {
        name: name for name in ("openai", "anthropic", "gemini")
    }
    assert "dialect" in Provider.__struct_fields__


def test_a_flavour_speaks_openai():
    """A flavour is a variation of the dialect with an address of its own."""
    groq = dialect_of("openai", "groq")
    assert (groq.name, groq.default_base_url) == ("openai", "https://api.groq.com/openai/v1")
