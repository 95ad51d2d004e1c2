"""Targets of routes."""

import pytest


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        pytest.param(
            '"gpt-4o"', '"gpt-4o" has no slash (write provider/model, such as claude/gpt-4o)', id="no slash"
        ),
        pytest.param(
            '"opnai/gpt-4o"', 'there is no provider "opnai" (did you mean "openai"?)', id="typing error"
        ),
        pytest.param('"zz/gpt-4o"', 'there is no provider "zz" (known here: claude, openai)', id="unknown"),
        pytest.param('"openai/"', "names no model", id="no model"),
        pytest.param('"openai/ m"', "names no model", id="blank"),
        pytest.param('"openai/m", "openai/m"', "is there twice", id="twice"),
    ],
)
def test_a_bad_target_is_refused(problems, targets, expected):
    """Each kind of bad target has a message of its own."""
    (problem,) = problems(more=f"[routes.x]\ntargets = [{targets}]\n")
    assert expected in problem
    assert problem.startswith("line 12: routes.x.targets[")


def test_a_provider_with_a_problem_still_counts_as_declared(problems):
    """One mistake in a provider gives no second message at the routes that use it."""
    (problem,) = problems('[providers.x]\ndialect = 1\n[routes.r]\ntargets = ["x/m"]\n')
    assert "providers.x.dialect" in problem


def test_a_model_may_have_slashes(configured):
    """Only the first slash divides."""
    configured = configured(more='[routes.x]\ntargets = ["openai/meta/llama-3/8b"]\n')
    (target,) = configured.snapshot.routes["x"].targets
    assert (target.provider, target.model) == ("openai", "meta/llama-3/8b")


def test_nothing_to_serve_is_a_problem(problems):
    """An empty file doesn't start a gateway that can answer nothing."""
    assert [line.split(":")[0] for line in problems("")] == ["providers", "routes"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param(
            "[defaults]\nfirst_token_min_s = 50",
            "defaults.first_token_min_s: must not be above first_token_s, which is 45",
            id="defaults",
        ),
        pytest.param(
            '[routes.x]\ntargets = ["openai/m"]\nfirst_token_s = 5\nfirst_token_min_s = 6',
            "routes.x.first_token_min_s: must not be above first_token_s, which is 5",
            id="route",
        ),
        pytest.param(
            '[defaults]\nfirst_token_s = 20\n[routes.x]\ntargets = ["openai/m"]\nfirst_token_min_s = 30',
            "routes.x.first_token_min_s: must not be above first_token_s, which is 20",
            id="route over defaults",
        ),
    ],
)
def test_a_least_time_above_the_longest_is_refused(problems, more, expected):
    """The file says two things that can't both be meant."""
    (problem,) = problems(more=more)
    assert expected in problem


def test_a_short_longest_time_needs_no_least_one(configured):
    """The built-in least time gives way; only what the file says can contradict."""
    outcome = configured(more="[defaults]\nfirst_token_s = 4")
    (route,) = outcome.snapshot.routes.values()
    assert route.options.first_token_s == 4.0
