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
