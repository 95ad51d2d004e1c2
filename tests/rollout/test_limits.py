"""Rate limits that the file states."""

import pytest

from halfopen.policy.options import PacerOptions

MODEL = '[providers.openai.models."gpt-4o-mini"]\n'
TABLE = '[providers.x]\ndialect = "openai"\nkey = "${OPENAI_API_KEY}"\n'


def test_without_a_limit_nothing_is_known(configured):
    """The headers of answers tell."""
    assert configured().snapshot.providers["openai"].pacer_options("gpt-4o-mini") == PacerOptions()


def test_a_providers_limits_hold_for_each_of_its_models(configured, good):
    """They are those of one model behind one key."""
    limits = "requests_per_minute = 500\ntokens_per_minute = 200_000\n"
    text = good.replace('key = "${OPENAI_API_KEY}"\n', 'key = "${OPENAI_API_KEY}"\n' + limits)
    providers = configured(text).snapshot.providers
    expected = PacerOptions(requests_per_minute=500.0, tokens_per_minute=200_000.0)
    assert providers["openai"].limits == expected
    assert providers["openai"].pacer_options("anything") == expected
    assert providers["claude"].limits == PacerOptions()


def test_a_models_own_limits_replace_only_what_they_name(configured, good):
    """The others stay the provider's; 0 takes one away."""
    limits = "requests_per_minute = 500\ninput_tokens_per_minute = 30_000\n"
    text = good.replace('key = "${OPENAI_API_KEY}"\n', 'key = "${OPENAI_API_KEY}"\n' + limits)
    own = f"{MODEL}output_tokens_per_minute = 8_000.5\ninput_tokens_per_minute = 0\n"
    provider = configured(text + own).snapshot.providers["openai"]
    assert provider.pacer_options("gpt-4o-mini") == PacerOptions(
        requests_per_minute=500.0, output_tokens_per_minute=8_000.5
    )
    assert provider.pacer_options("gpt-4o").input_tokens_per_minute == 30_000.0


def test_models_without_limits_of_their_own_are_not_listed(configured):
    """What says nothing of rates changes none."""
    provider = configured(more=f"{MODEL}tools = false\n").snapshot.providers["openai"]
    assert provider.model_limits == ()


def test_limits_are_part_of_the_snapshots_id(configured):
    """A changed limit is another configuration."""
    ids = {
        configured(more=f"{MODEL}{rate}_per_minute = 9").snapshot.id
        for rate in ("requests", "tokens", "input_tokens", "output_tokens")
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("-1", "must be at least 0, but is -1", id="below 0"),
        pytest.param("1e10", "must be at most 1000000000", id="too many"),
        pytest.param("nan", "must be a finite number", id="nan"),
        pytest.param('"500"', "write it without quotes", id="text"),
    ],
)
@pytest.mark.parametrize("table", [TABLE, MODEL], ids=["provider", "model"])
def test_a_bad_limit_is_refused(problems, table, value, expected):
    """At the provider and at a model alike."""
    (problem,) = problems(more=f"{table}output_tokens_per_minute = {value}\n")
    assert "output_tokens_per_minute: " in problem
    assert expected in problem


def test_a_model_with_nothing_but_limits_is_as_unknown_as_before(configured):
    """Rates say nothing of what a model can do, so the note about the catalogue stays."""
    route = '[routes.x]\ntargets = ["openai/brand-new"]\n'
    model = "[providers.openai.models.brand-new]\n"
    (note,) = configured(more=f"{route}{model}requests_per_minute = 5\n").notes
    assert 'the catalogue doesn\'t know "brand-new"' in note.message
    assert configured(more=f"{route}{model}requests_per_minute = 5\ntools = true\n").notes == ()
