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
