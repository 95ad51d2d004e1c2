"""Embeddings fail over only where vectors can be compared."""

import pytest

from halfopen.model import Capabilities, Target
from halfopen.providers.clients.embeddings import other_space, same_space

SMALL = "text-embedding-3-small"


@pytest.mark.parametrize(
    ("model", "dialect", "provider"),
    [
        pytest.param(SMALL, "openai", "azure", id="the same behind Azure"),
        pytest.param(f"openai/{SMALL}", "openai", "openrouter", id="the same behind OpenRouter"),
        pytest.param(SMALL, "openai", "openai", id="the first itself"),
    ],
)
def test_the_same_model_is_the_same_space(make_target, model, dialect, provider) -> None:
    """Whoever serves a model, its vectors are its own."""
    assert same_space(make_target(SMALL), make_target(model, dialect, provider))


@pytest.mark.parametrize(
    ("model", "dialect", "reason"),
    [
        pytest.param(
            "text-embedding-3-large", "openai", f"vectors of another space (text-embedding-3-large, not {SMALL})", id="large"
        ),
        pytest.param(
            "text-embedding-ada-002", "openai", f"vectors of another space (text-embedding-ada-002, not {SMALL})", id="as many numbers"
        ),
        pytest.param(
            "gemini-embedding-001", "gemini", f"vectors of another space (gemini-embedding-001, not {SMALL})", id="gemini"
        ),
        pytest.param(
            "nomic-embed", "openai", "vectors that can't be compared: the vector space of openai/nomic-embed is not known", id="unknown"
        ),
    ],
)  # fmt: skip
def test_another_model_is_another_space(make_target, model, dialect, reason) -> None:
    """The ledger is told which, and that equal sizes mean nothing."""
    assert other_space(make_target(SMALL), make_target(model, dialect)) == reason


def test_an_unknown_first_target_has_no_stand_in() -> None:
    """Two unknown spaces are not equal, except that a target is itself."""
    first, other = Target("a", "m", "openai"), Target("b", "m", "openai")
    assert other_space(first, other) == "vectors that can't be compared: the vector space of a/m is not known"
    assert same_space(first, first)


def test_a_declared_space_joins_targets() -> None:
    """What the configuration names alike stands in for one another, if the sizes agree."""
    first = Target("a", "m", "openai", Capabilities(vector_space="nomic", vector_dimensions=768))
    other = Target("b", "n", "openai", Capabilities(vector_space="nomic"))
    shorter = Target("c", "o", "openai", Capabilities(vector_space="nomic", vector_dimensions=256))
    assert same_space(first, other)
    assert other_space(first, shorter) == "vectors of 256 dimensions, not 768"
