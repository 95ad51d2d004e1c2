"""Several keys of one provider."""

import pytest

from halfopen.rollout import Configured, Refused, configure

ROUTE = '\n[routes.r]\ntargets = ["x/m"]\n'
ENVIRON = {"A": "sk-one", "B": "sk-two", "C": "sk-one\n"}


def found(settings: str) -> list[str]:
    """Problems of one provider called x."""
    outcome = configure(f'[providers.x]\ndialect = "openai"\n{settings}{ROUTE}', ENVIRON)
    return [str(problem) for problem in outcome.problems] if isinstance(outcome, Refused) else []


@pytest.mark.parametrize(
    ("settings", "place", "expected"),
    [
        pytest.param(
            'key = "${A}"\nkeys = ["${B}"]', "keys", "there is a `key` as well (put it first", id="both"
        ),
        pytest.param("keys = []", "keys", "is empty", id="none"),
        pytest.param('keys = "${A}"', "keys", "must be an array, but is text", id="no array"),
        pytest.param('keys = ["${A}", 1]', "keys[1]", "must be text in quotes", id="number"),
        pytest.param('keys = ["${A}", ""]', "keys[1]", "is empty", id="empty"),
        pytest.param('keys = ["${A}", "sk-secret"]', "keys[1]", '"${X_API_KEY}"', id="written out"),
        pytest.param('keys = ["$A"]', "keys[0]", '"${A}"', id="shell form"),
        pytest.param('keys = ["${A}", "${NOT_SET}"]', "keys[1]", "NOT_SET, which is not set", id="not set"),
        pytest.param('keys = ["${A}", "${B}", "${A}"]', "keys[2]", "the same key as keys[0]", id="twice"),
        pytest.param('keys = ["${A}", "${C}"]', "keys[1]", "the same key as keys[0]", id="same value"),
        pytest.param(f"keys = {['${A}'] * 101}", "keys", "at most 100 items, but has 101", id="too many"),
    ],
)
def test_bad_keys_are_refused_and_not_shown(settings: str, place: str, expected: str) -> None:
    """Each key is as strict as a single one; the message names it and never shows its value."""
    (problem,) = found(settings)
    assert f"providers.x.{place}: " in problem
    assert expected in problem
    assert "sk-" not in problem


def test_one_variable_that_is_not_set_twice_is_two_problems_at_one_place() -> None:
    """What is missing and what is double are told apart."""
    problems = found('keys = ["${NOT_SET}", "${NOT_SET}"]')
    assert ["is not set" in problem for problem in problems] == [True, True, False]
    assert "the same key as keys[0]" in problems[2]


def test_a_local_model_has_no_keys() -> None:
    """Halfopen starts it itself."""
    outcome = configure(f'[providers.x]\nlocal = true\nkeys = ["${{A}}"]{ROUTE}', ENVIRON)
    assert isinstance(outcome, Refused)
    assert "providers.x.keys: not with `local = true`" in str(outcome.problems[0])


def test_keys_keep_their_order_and_their_values_stay_out_of_the_snapshot() -> None:
    """The first key is the one that readers of a single key get."""
    text = f'[providers.x]\ndialect = "openai"\nkeys = ["${{B}}", "${{A}}"]{ROUTE}'
    outcome = configure(text, ENVIRON)
    assert isinstance(outcome, Configured)
    provider = outcome.snapshot.providers["x"]
    assert (provider.key, provider.keys) == ("${B}", ("${B}", "${A}"))
    assert provider.key_values(outcome.secrets) == ("sk-two", "sk-one")
    assert provider.key_value(outcome.secrets) == "sk-two"
    assert "sk-" not in f"{outcome}"


def test_keys_that_are_written_out_are_fine_on_this_machine() -> None:
    """They become references, so that the snapshot doesn't hold them either."""
    text = (
        '[providers.x]\ndialect = "openai"\nbase_url = "http://localhost:1/v1"\n'
        f'keys = ["hush-1", "${{A}}", "hush-2"]{ROUTE}'
    )
    outcome = configure(text, ENVIRON)
    assert isinstance(outcome, Configured)
    provider = outcome.snapshot.providers["x"]
    assert provider.key_values(outcome.secrets) == ("hush-1", "sk-one", "hush-2")
    assert "hush" not in f"{outcome}"


def test_a_single_key_is_the_only_one() -> None:
    """`key` and a list of one are the same, and so are their snapshots."""
    one, several = (
        configure(f'[providers.x]\ndialect = "openai"\n{keys}{ROUTE}', ENVIRON)
        for keys in ('key = "${A}"', 'keys = ["${A}"]')
    )
    assert isinstance(one, Configured)
    assert isinstance(several, Configured)
    assert one.snapshot.id == several.snapshot.id
    assert one.snapshot.providers["x"].key_values(one.secrets) == ("sk-one",)


def test_no_key_is_no_keys() -> None:
    """A server that wants none gets none."""
    text = f'[providers.x]\ndialect = "openai"\nbase_url = "http://localhost:1/v1"{ROUTE}'
    outcome = configure(text, {})
    assert isinstance(outcome, Configured)
    provider = outcome.snapshot.providers["x"]
    assert (provider.keys, provider.key_values({})) == ((), ())
