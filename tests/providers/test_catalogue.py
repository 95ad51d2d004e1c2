"""The catalogue: rows that can be trusted, names that are found, stand-ins that fit."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import Capabilities
from halfopen.providers import DIALECTS
from halfopen.providers.catalogue import (
    AS_OF,
    DEFAULT_ROUTES,
    EMBEDDINGS,
    MODELS,
    Entry,
    find,
    known,
    lookup,
)

ROWS = [(dialect, entry) for dialect, rows in MODELS.items() for entry in rows.values()]
rows = pytest.mark.parametrize(("dialect", "entry"), ROWS, ids=[entry.model for _, entry in ROWS])


@rows
def test_rows_are_plausible(dialect: str, entry: Entry) -> None:
    """Every row has a source at its vendor, limits in order, and an output dearer than its input."""
    assert entry.source.startswith("https://")
    context, output = entry.capabilities.context_tokens, entry.capabilities.output_tokens
    assert context is not None
    assert output is not None
    assert 0 < output < context
    if entry.price is not None:
        assert 0 < entry.price.input <= entry.price.output
    assert entry.retires is None or re.fullmatch(r"\d{4}-\d{2}-\d{2}", entry.retires)


def test_the_catalogue_is_dated() -> None:
    """The catalogue says when it was last compared with its sources."""
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", AS_OF)
    assert MODELS.keys() == DIALECTS.keys()


@pytest.mark.parametrize(
    ("dialect", "name", "row"),
    [
        ("openai", "gpt-4o-mini", "gpt-4o-mini"),
        ("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai", "gpt-5-2025-08-07", "gpt-5"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("anthropic", "claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("gemini", "models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini", "gemini-2.5-flash-001", "gemini-2.5-flash"),
    ],
    ids=lambda value: value,
)
def test_dated_names_are_found(dialect: str, name: str, row: str) -> None:
    """A dated name is the model it names."""
    entry = find(dialect, name)
    assert entry is not None
    assert entry.model == row
    assert known(dialect, name)
    assert lookup(dialect, name) == (entry.capabilities, entry.price)


@pytest.mark.parametrize(
    ("dialect", "model", "sampling", "prefill", "reasoning"),
    [
        ("openai", "gpt-4o", True, False, False),
        ("openai", "o3", False, False, True),
        ("openai", "gpt-5-mini", False, False, True),
        ("openai", "gpt-7-something", False, False, True),
        ("openai", "gpt-5-chat-latest", True, False, False),
        ("openai", "llama3.2", True, False, True),
        ("anthropic", "claude-haiku-4-5", True, True, True),
        ("anthropic", "claude-sonnet-4-20250514", True, True, True),
        ("anthropic", "claude-sonnet-4-6", True, False, True),
        ("anthropic", "claude-opus-5-5", False, False, True),
        ("anthropic", "claude-opus-9", False, False, True),
        ("gemini", "gemini-2.5-pro", True, False, True),
    ],
)
def test_generations_differ(dialect: str, model: str, sampling: bool, prefill: bool, reasoning: bool) -> None:
    """What a generation of models refuses is known, also for models without a row."""
    capabilities, _ = lookup(dialect, model)
    assert (capabilities.sampling, capabilities.prefill, capabilities.reasoning) == (
        sampling,
        prefill,
        reasoning,
    )


@given(dialect=st.sampled_from(["openai", "anthropic", "gemini", "other"]), model=st.text(max_size=30))
def test_lookup_never_raises(dialect: str, model: str) -> None:
    """Any name of a model gives capabilities."""
    capabilities, _ = lookup(dialect, model)
    assert isinstance(capabilities, Capabilities)


@pytest.mark.parametrize("route", DEFAULT_ROUTES, ids=str)
def test_default_routes(route: str) -> None:
    """A default route starts at its own vendor, spans the vendors once, and knows every target."""
    targets = DEFAULT_ROUTES[route]
    dialects = [dialect for dialect, _ in targets]
    assert sorted(dialects) == sorted(DIALECTS)
    assert find(dialects[0], route) is not None
    assert dialects[1:] == [name for name in ("openai", "anthropic", "gemini") if name != dialects[0]]
    for dialect, model in targets:
        entry = find(dialect, model)
        assert entry is not None, model
        assert entry.retires is None or entry.retires > AS_OF, f"{model} is gone"


@pytest.mark.parametrize("route", DEFAULT_ROUTES, ids=str)
def test_stand_ins_take_what_the_model_takes(route: str) -> None:
    """Where a model takes temperature or images, all of its stand-ins do, or failover would be void."""
    own, *others = DEFAULT_ROUTES[route]
    capabilities, _ = lookup(own[0], route)
    for dialect, model in others:
        stand_in, _ = lookup(dialect, model)
        assert stand_in.sampling or not capabilities.sampling, model
        assert stand_in.images or not capabilities.images, model
        assert stand_in.tools or not capabilities.tools, model


def test_every_current_model_has_a_route() -> None:
    """A model that OpenAI still serves, or just stopped serving, has a default route."""
    missing = {entry.model for entry in MODELS["openai"].values()} - DEFAULT_ROUTES.keys()
    assert missing <= {"o1"}


@pytest.mark.parametrize("entry", EMBEDDINGS.values(), ids=EMBEDDINGS)
def test_an_embedding_model_has_its_own_space(entry: Entry) -> None:
    """Its vectors have a space by its name and a known size, and a source says so."""
    able = entry.capabilities
    assert able.vector_space == entry.model
    assert able.vector_dimensions is not None
    assert able.context_tokens is not None
    assert entry.source.startswith("https://")
    assert entry.price is None or entry.price.input > 0 == entry.price.output


@pytest.mark.parametrize(
    ("dialect", "name", "space"),
    [
        pytest.param("openai", "text-embedding-3-small", "text-embedding-3-small", id="openai"),
        pytest.param("openai", "openai/text-embedding-3-small", "text-embedding-3-small", id="vendor"),
        pytest.param("gemini", "models/gemini-embedding-001", "gemini-embedding-001", id="resource"),
        pytest.param("openai", "google/gemini-embedding-001", "gemini-embedding-001", id="other server"),
        pytest.param("openai", "my-deployment", None, id="unknown"),
        pytest.param("openai", "gpt-4o-mini", None, id="chat model"),
    ],
)
def test_an_embedding_model_is_found_behind_any_server(dialect: str, name: str, space: str | None) -> None:
    """The vectors are the model's, whoever serves it."""
    assert lookup(dialect, name)[0].vector_space == space
