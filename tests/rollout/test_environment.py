"""Keys in the environment make a configuration."""

import pytest

from halfopen.providers.catalogue import DEFAULT_ROUTES, OWN_ROUTES
from halfopen.rollout import Configured, configure_data
from halfopen.rollout.environment import VENDORS, from_environment, lab_data


def test_no_key_is_no_configuration():
    """Variables that are empty count as not set."""
    assert from_environment({"OPENAI_API_KEY": " ", "HOME": "/"}) is None


@pytest.mark.parametrize(
    ("environ", "providers"),
    [
        pytest.param({"OPENAI_API_KEY": "k"}, ["openai"], id="openai"),
        pytest.param({"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"}, ["openai", "claude"], id="two"),
        pytest.param({"GOOGLE_API_KEY": "k"}, ["gemini"], id="google's other name"),
        pytest.param({"GROQ_API_KEY": "k"}, ["groq"], id="compatible only"),
        pytest.param(
            {name: "k" for vendor in VENDORS for name in vendor.key_variables},
            ["openai", "claude", "gemini", "mistral", "deepseek", "groq", "openrouter"],
            id="all",
        ),
    ],
)
def test_the_keys_choose_the_providers_in_a_fixed_order(environ, providers):
    """The order doesn't depend on the environment's, and what comes out can be served."""
    found = from_environment(environ)
    assert found is not None
    assert list(found.data["providers"]) == providers
    outcome = configure_data(found.data, environ)
    assert isinstance(outcome, Configured), outcome
    dialects = {each.dialect for each in VENDORS if each.provider in providers and not each.small}
    own = {name for name, dialect in OWN_ROUTES.items() if dialect in dialects}
    assert set(outcome.snapshot.routes) == set(DEFAULT_ROUTES) | own


def test_gemini_api_key_goes_before_google_api_key():
    """The first of a vendor's variables counts."""
    found = from_environment({"GOOGLE_API_KEY": "g", "GEMINI_API_KEY": "k"})
    assert found is not None
    assert found.data["providers"]["gemini"]["key"] == "${GEMINI_API_KEY}"


def test_routes_name_present_providers_only():
    """The vendor of the named model first, then the others."""
    found = from_environment({"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"})
    assert found is not None
    first, second = found.data["routes"]["gpt-4o-mini"]["targets"]
    assert (first, second.partition("/")[0]) == ("openai/gpt-4o-mini", "claude")
    assert found.data["routes"]["claude-haiku-4-5"]["targets"][0] == "claude/claude-haiku-4-5"


def test_a_small_model_is_backed_by_a_small_model():
    """gemini is no mini."""
    found = from_environment({"MISTRAL_API_KEY": "k", "GEMINI_API_KEY": "k"})
    assert found is not None
    routes = found.data["routes"]
    assert routes["gpt-4o-mini"]["targets"][-1] == "mistral/mistral-small-latest"
    assert routes["gpt-4o"]["targets"][-1] == "mistral/mistral-large-latest"
    assert routes["gemini-2.5-pro"]["targets"][-1] == "mistral/mistral-large-latest"


def test_the_notes_say_where_prompts_go():
    """Order, mapping and the change of vendor are told in words, and no key is."""
    found = from_environment({"OPENAI_API_KEY": "sk-secret", "ANTHROPIC_API_KEY": "sk-secret"})
    assert found is not None
    notes = "\n".join(found.notes)
    assert "OpenAI (OPENAI_API_KEY), Anthropic (ANTHROPIC_API_KEY)" in notes
    assert "who then sees it" in notes
    assert "gpt-4o-mini" in notes
    assert "sk-secret" not in notes


def test_a_single_vendor_is_told_to_be_alone():
    """Nobody believes in a failover that isn't there."""
    found = from_environment({"OPENAI_API_KEY": "k"})
    assert found is not None
    assert any("nobody can stand in" in note for note in found.notes)


def test_base_urls_come_from_the_environment():
    """The official clients' variables for addresses are honoured."""
    found = from_environment(
        {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "ANTHROPIC_API_KEY": "k"}
    )
    assert found is not None
    assert found.data["providers"]["openai"]["base_url"] == "http://127.0.0.1:9/v1"
    assert "base_url" not in found.data["providers"]["claude"]
    assert any("OPENAI_BASE_URL" in note for note in found.notes)


def test_the_lab_is_on_loopback():
    """The simulated providers have the addresses of the given ports."""
    outcome = configure_data(lab_data({"openai": 1001, "anthropic": 1002, "gemini": 1003}), {})
    assert isinstance(outcome, Configured), outcome
    assert {name: provider.base_url for name, provider in outcome.snapshot.providers.items()} == {
        "openai": "http://127.0.0.1:1001/v1",
        "claude": "http://127.0.0.1:1002",
        "gemini": "http://127.0.0.1:1003",
    }
    assert len(outcome.snapshot.routes["gpt-4o-mini"].targets) == 3


@pytest.mark.parametrize(
    ("base_url", "refused"),
    [
        pytest.param("http://127.0.0.1:8500/v1", True, id="itself"),
        pytest.param("http://localhost:8500/v1", True, id="by name"),
        pytest.param("http://[::1]:8500/v1", True, id="IPv6"),
        pytest.param("http://127.0.0.1:8000/v1", False, id="another port"),
        pytest.param("https://api.openai.com:8500/v1", False, id="another host"),
    ],
)
def test_the_gateway_is_not_its_own_provider(base_url, refused):
    """The variable that points clients at the gateway must not point the gateway at itself."""
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": base_url}
    found = from_environment(environ)
    assert found is not None
    outcome = configure_data(found.data, environ)
    assert isinstance(outcome, Configured) is not refused
    assert ("circle" in str(outcome)) is refused
