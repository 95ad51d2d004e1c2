"""Warnings and notes."""

import pytest

GEMINI = '[providers.gemini]\ndialect = "gemini"\nkey = "${OPENAI_API_KEY}"\n'

CASES = [
    pytest.param(
        "[routes.x]\nattempts = 1\ntargets = ['openai/a', 'claude/b']", "at most 1 calls", id="attempts"
    ),
    pytest.param(GEMINI, "no route uses this provider", id="unused provider"),
    pytest.param(
        '[providers.claude.models."m"]\ntools = false',
        "no route uses this model of this provider",
        id="unused model",
    ),
    pytest.param(
        '[providers.x]\ndialect = "openai"\nbase_url = "http://10.1.1.1/v1"\nkey = "${OPENAI_API_KEY}"\n'
        '[routes.x]\ntargets = ["x/gpt-4o"]',
        "travel unencrypted",
        id="http",
    ),
    pytest.param(
        '[providers.x]\ndialect = "openai"\nbase_url = "https://x.example/v1"\n[routes.x]\ntargets = ["x/gpt-4o"]',
        "without a key",
        id="no key",
    ),
    pytest.param('[gateway]\nhost = "0.0.0.0"', "other machines", id="open to others"),
    pytest.param("[defaults]\nattempt_s = 90", "attempt_s (90) is longer than deadline_s (60)", id="attempt"),
    pytest.param(
        "[defaults]\nfirst_token_s = 61",
        "first_token_s (61) is longer than deadline_s (60)",
        id="first token",
    ),
    pytest.param("[defaults]\nstall_s = 601", "stall_s (601) is longer than stream_s (600)", id="stall"),
    pytest.param("[defaults]\nstream_s = 30", "deadline_s (60) is longer than stream_s (30)", id="stream"),
    pytest.param(
        '[providers.local]\nlocal = true\n[routes.x]\ntargets = ["openai/gpt-4o", "local/small"]',
        "no tools, no images",
        id="weak backup",
    ),
]


@pytest.mark.parametrize(("more", "expected"), CASES)
def test_what_is_likely_to_disappoint_is_a_warning(configured, more, expected):
    """It is told, and it is served all the same."""
    warnings = [str(warning) for warning in configured(more=more).warnings]
    assert any(expected in warning for warning in warnings), warnings


def test_a_sound_configuration_has_no_warning(configured):
    """Warnings are worth reading because there are none without a reason."""
    text = (
        '[providers.openai]\ndialect = "openai"\nkey = "${OPENAI_API_KEY}"\n'
        '[routes."gpt-4o-mini"]\ntargets = ["openai/gpt-4o-mini"]\n'
    )
    outcome = configured(text)
    assert (outcome.warnings, outcome.notes) == ((), ())


def test_a_short_deadline_needs_no_shorter_first_token(configured):
    """The built-in bound on the first content is an upper one: nobody has to lower it by hand."""
    text = (
        '[providers.openai]\ndialect = "openai"\nkey = "${OPENAI_API_KEY}"\n'
        '[routes."gpt-4o-mini"]\ntargets = ["openai/gpt-4o-mini"]\ndeadline_s = 40\n'
    )
    assert configured(text).warnings == ()


def test_an_unknown_model_is_a_note(configured):
    """Its limits are not checked, which a person may want to mend."""
    (note,) = configured(more='[routes.x]\ntargets = ["openai/brand-new"]').notes
    assert 'the catalogue doesn\'t know "brand-new"' in note.message
    assert note.line == 12


def test_a_model_described_in_the_file_needs_no_note(configured):
    """The file is taken at its word."""
    more = '[routes.x]\ntargets = ["openai/brand-new"]\n[providers.openai.models.brand-new]\ncontext_tokens = 9000\n'
    assert configured(more=more).notes == ()


@pytest.mark.parametrize(
    ("provider", "noted"),
    [
        pytest.param('dialect = "openai"\nbase_url = "http://127.0.0.1:1234"', True, id="openai"),
        pytest.param('dialect = "openai"\nbase_url = "http://127.0.0.1:1234/"', True, id="slash"),
        pytest.param('dialect = "openai"\nbase_url = "http://127.0.0.1:1234/v1"', False, id="with a path"),
        pytest.param('dialect = "openai"', False, id="the vendor's own"),
        pytest.param('dialect = "anthropic"\nbase_url = "http://127.0.0.1:1234"', False, id="anthropic"),
    ],
)
def test_an_address_without_a_path_is_a_note(configured, provider, noted):
    """Most servers want /v1, but not all: it is told, and no warning."""
    outcome = configured(more=f'[providers.x]\n{provider}\n[routes.x]\ntargets = ["x/gpt-4o"]')
    notes = [str(note) for note in outcome.notes]
    assert any("providers.x.base_url: the address has no path" in note for note in notes) is noted, notes
    assert not any("path" in str(warning) for warning in outcome.warnings)


def models(**targets: str) -> str:
    """Settings of models of the provider `openai`, and a route over them in order."""
    tables = "".join(
        f'[providers.openai.models."{name}"]\n{abilities}\n'
        for name, abilities in targets.items()
        if abilities
    )
    order = ", ".join(f'"openai/{name}"' for name in targets)
    return f"{tables}[routes.x]\ntargets = [{order}]\n"


@pytest.mark.parametrize(
    ("abilities", "lack"),
    [
        ("context_tokens = 8000", "context of 8000 tokens instead of 128000"),
        ("output_tokens = 900", "answer of 900 tokens instead of 16384"),
        ("tools = false", "no tools"),
        ("images = false", "no images"),
        ("image_urls = false", "no images by URL"),
        ("json_schema = false", "no JSON Schema"),
        ("json_object = false", "no JSON mode"),
        ("system = false", "no system messages"),
        ("sampling = false", "no temperature"),
        ("files = false", "no files"),
    ],
)
def test_what_a_backup_lacks_is_one_warning(configured, abilities, lack):
    """It names the target, its primary and what can't fail over, at the target's place."""
    more = models(**{"gpt-4o": "", "gpt-4o-mini": abilities})
    (warning,) = [each for each in configured(more=more).warnings if "stand in" in each.message]
    assert warning.place == "routes.x.targets[1]"
    assert warning.message == f"openai/gpt-4o-mini can't stand in for openai/gpt-4o in everything: {lack}"


def test_a_backup_that_does_not_reason_is_told(configured):
    """Requests that ask for an effort skip it."""
    more = models(**{"gpt-5.4": "", "gpt-5.4-mini": "reasoning = false\ncontext_tokens = 1_050_000"})
    assert any("no reasoning" in str(warning) for warning in configured(more=more).warnings)


def test_images_that_are_missing_are_told_once(configured):
    """A model without images takes none by URL either."""
    more = models(**{"gpt-4o": "", "gpt-4o-mini": "images = false\nimage_urls = false"})
    assert not any("by URL" in str(warning) for warning in configured(more=more).warnings)


@pytest.mark.parametrize(
    ("backup", "abilities", "lack"),
    [
        pytest.param(
            "text-embedding-3-large",
            "",
            "vectors of another space (text-embedding-3-large, not text-embedding-3-small)",
            id="another space",
        ),
        pytest.param(
            "text-embedding-ada-002",
            'vector_space = "text-embedding-3-small"',
            "no choice of dimensions",
            id="declared, of one size only",
        ),
        pytest.param(
            "mine",
            "",
            "vectors that can't be compared: the vector space of openai/mine is not known",
            id="unknown space",
        ),
        pytest.param("mine", 'vector_space = "text-embedding-3-small"', None, id="declared"),
    ],
)
def test_vectors_that_can_not_be_compared_are_told(configured, backup, abilities, lack):
    """Embeddings fail over only within one space, so a target of another is of no use to them."""
    more = models(**{"text-embedding-3-small": "", backup: abilities})
    warnings = [each.message for each in configured(more=more).warnings if "stand in" in each.message]
    assert [each.partition("everything: ")[2] for each in warnings] == ([lack] if lack else [])


def test_unknown_embedding_models_are_told(configured):
    """Two servers of one open model fail over once the file says that their vectors are alike."""
    plain = models(**{"nomic-embed-a": "", "nomic-embed-b": ""})
    declared = models(**dict.fromkeys(("nomic-embed-a", "nomic-embed-b"), 'vector_space = "nomic"'))
    assert any(
        "vector space of openai/nomic-embed-a is not known" in str(each)
        for each in configured(more=plain).warnings
    )
    assert not any("vector" in str(each) for each in configured(more=declared).warnings)
