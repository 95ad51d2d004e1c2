"""Ids of tool calls for Anthropic."""

import pytest

from halfopen.providers.anthropic.tool_ids import ToolIds


@pytest.mark.parametrize(
    ("given", "made"),
    [
        pytest.param(["a", "b"], ["a", "b"], id="as they are"),
        pytest.param(["a", "a", "a"], ["a", "a_2", "a_3"], id="repeated"),
        pytest.param(["a", "a_2", "a", "a"], ["a", "a_2", "a_3", "a_4"], id="a number that is taken"),
        pytest.param(["a", "a", "a_2"], ["a", "a_2", "a_2_2"], id="a number that was given"),
        pytest.param(["f:0"], ["f_3a_0"], id="other characters"),
    ],
)
def test_every_call_has_its_own_id(given, made) -> None:
    """Ids are in Anthropic's characters, and none comes twice."""
    ids = ToolIds()
    assert [ids.of_call(each) for each in given] == made


def test_a_result_has_the_id_of_its_latest_call() -> None:
    """An id that is used again means the call that used it last."""
    ids = ToolIds()
    ids.of_call("a")
    assert ids.of_result("a") == "a"
    ids.of_call("a")
    assert ids.of_result("a") == "a_2"


def test_ids_of_before_are_not_given_again() -> None:
    """What a conversation has already, a new call doesn't get."""
    assert ToolIds(["a", "a_2"]).of_call("a") == "a_3"


def test_repeated_ids_cost_no_more_than_others(monkeypatch) -> None:
    """Each number is tried once, however often an id comes, or a request could block the gateway."""
    tried = 0

    class Counted(set):
        def __contains__(self, item) -> bool:
            nonlocal tried
            tried += 1
            return super().__contains__(item)

    ids, count = ToolIds(), 2000
    monkeypatch.setattr(ids, "_used", Counted())
    assert len({ids.of_call("a") for _ in range(count)}) == count
    assert tried <= 2 * count
