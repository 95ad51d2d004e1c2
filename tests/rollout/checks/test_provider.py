"""A provider's address, key and headers."""

import pytest

from halfopen.rollout import Configured, Refused, configure

ROUTE = '\n[routes.r]\ntargets = ["x/m"]\n'


def found(settings: str, environ: dict[str, str] | None = None) -> list[str]:
    """Problems of one provider called x."""
    outcome = configure(f"[providers.x]\n{settings}{ROUTE}", environ or {})
    return [str(problem) for problem in outcome.problems] if isinstance(outcome, Refused) else []


def test_an_unset_variable_names_provider_variable_and_remedy():
    """The message alone is enough to mend it."""
    (problem,) = found('dialect = "openai"\nkey = "${MY_KEY}"')
    assert problem == (
        'line 3: providers.x.key: provider "x" needs the environment variable MY_KEY, which is not set '
        "(run `export MY_KEY=...` first, or remove [providers.x])"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("  \n", "is empty", id="blank"),
        pytest.param("a\nb", "characters that a header can't carry", id="line end inside"),
        pytest.param("schlüssel", "characters that a header can't carry", id="not ASCII"),
    ],
)
def test_a_useless_variable_is_told(value, expected):
    """A key that can't be sent is found before the first request."""
    (problem,) = found('dialect = "openai"\nkey = "${MY_KEY}"', {"MY_KEY": value})
    assert expected in problem
    assert "schl" not in problem


def test_a_line_end_after_a_key_is_dropped():
    """Keys read from files often end with one."""
    outcome = configure(f'[providers.x]\ndialect = "openai"\nkey = "${{K}}"{ROUTE}', {"K": "sk-1\n"})
    assert isinstance(outcome, Configured)
    assert outcome.snapshot.providers["x"].key_value(outcome.secrets) == "sk-1"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        pytest.param("sk-secret-1", '"${X_API_KEY}"', id="literal"),
        pytest.param("$MY_KEY", '"${MY_KEY}"', id="shell form"),
        pytest.param("Bearer ${MY_KEY}", '"${X_API_KEY}"', id="text around"),
        pytest.param("${A}${B}", '"${X_API_KEY}"', id="two references"),
        pytest.param("${MY KEY}", '"${X_API_KEY}"', id="blank in the name"),
    ],
)
def test_a_key_that_is_no_reference_is_refused_and_not_shown(key, hint):
    """The message says what to write and never repeats the key."""
    (problem,) = found(f'dialect = "openai"\nkey = "{key}"', {"MY_KEY": "v", "A": "v", "B": "v"})
    assert "providers.x.key" in problem
    assert hint in problem
    assert "sk-secret-1" not in problem


def test_a_literal_key_is_fine_for_a_server_on_this_machine():
    """Local servers want any key; even so the snapshot doesn't hold it."""
    text = f'[providers.x]\ndialect = "openai"\nbase_url = "http://localhost:1234/v1"\nkey = "any"{ROUTE}'
    outcome = configure(text, {})
    assert isinstance(outcome, Configured)
    provider = outcome.snapshot.providers["x"]
    assert "any" not in repr(outcome.snapshot)
    assert provider.key_value(outcome.secrets) == "any"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param('"a b" = "1"', "not a valid header name", id="name"),
        pytest.param('Host = "x"', "sets this header itself", id="ours"),
        pytest.param('x = "a\\nb"', "can't carry", id="line end"),
        pytest.param('x = "${A"', "can't be read", id="reference not closed"),
        pytest.param('x = "${NOT_SET}"', "NOT_SET, which is not set", id="variable not set"),
        pytest.param('Authorization = "Bearer sk-1"', "looks like a secret", id="secret written out"),
        pytest.param('x-api-key = "sk-1"', "looks like a secret", id="key header"),
    ],
)
def test_bad_headers_are_refused(headers, expected):
    """Headers can neither break a request nor hold a secret."""
    (problem,) = found(f'dialect = "openai"\nheaders = {{ {headers} }}')
    assert expected in problem
    assert "sk-1" not in problem


def test_headers_may_hold_references_in_text():
    """The value is filled in late."""
    text = f'[providers.x]\ndialect = "openai"\nheaders = {{ Authorization = "Bearer ${{T}}" }}{ROUTE}'
    outcome = configure(text, {"T": "tok"})
    assert isinstance(outcome, Configured)
    provider = outcome.snapshot.providers["x"]
    assert provider.headers == (("Authorization", "Bearer ${T}"),)
    assert provider.header_values(outcome.secrets) == (("Authorization", "Bearer tok"),)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param("", '"dialect" is missing (add dialect = "openai"', id="no dialect"),
        pytest.param('dialect = "openai"\nthreads = 2', "only a local model has this", id="threads"),
        pytest.param('local = true\nkey = "${K}"', "not with `local = true`", id="local with a key"),
        pytest.param(
            'local = true\nbase_url = "http://127.0.0.1:1"', "not with `local = true`", id="local address"
        ),
        pytest.param('local = true\ndialect = "gemini"', "a local model speaks openai", id="local dialect"),
        pytest.param('dialect = "openai"\nflavour = "vlm"', 'did you mean "vllm"?', id="flavour"),
        pytest.param(
            'dialect = "gemini"\nflavour = "vllm"',
            "only a provider with dialect openai",
            id="flavoured gemini",
        ),
        pytest.param('dialect = "openai"\nflavour = "azure"', '"base_url" is missing', id="azure"),
        pytest.param('dialect = "openai"\nbase_url = "x.example"', "no scheme", id="address"),
        pytest.param(
            'dialect = "openai"\nmodels = { m = { input_price = 1 } }',
            "input_price and output_price go together",
            id="price",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, expected):
    """Each contradiction has one message of its own."""
    (problem,) = found(settings, {"K": "v"})
    assert expected in problem
