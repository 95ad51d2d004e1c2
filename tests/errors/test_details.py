"""What an error object carries beside its message."""

import pytest

from halfopen.errors.details import Details, duration_s, read_details


def test_an_error_without_details_has_none() -> None:
    """Without details there are no words, no delay and no quotas."""
    assert read_details({}) == Details((), None, ()) == Details()
    for rubbish in ("text", 7, None, ["text", None, 7]):
        assert read_details({"details": rubbish, "innererror": rubbish, "metadata": rubbish}) == Details()


def test_each_place_names_its_words() -> None:
    """Anthropic's, Azure's, OpenRouter's and Google's codes are found, each with its place."""
    assert read_details({"details": {"error_code": "a"}}).words == (("details.error_code", "a"),)
    assert read_details({"innererror": {"code": "b"}}).words == (("innererror.code", "b"),)
    assert read_details({"metadata": {"flagged_input": "x"}}).words == (("metadata", "flagged_input"),)
    assert read_details({"details": [{"reason": "C"}, {"reason": "D"}]}).words == (
        ("details.reason", "C"),
        ("details.reason", "D"),
    )
    for wrong in ({"error_code": 7}, {"code": 7}, [{"reason": 7}], {}):
        assert read_details({"details": wrong, "innererror": wrong, "metadata": wrong}).words == ()


def test_the_first_delay_counts() -> None:
    """Of several delays the first is taken, and what is no detail is passed over."""
    details = [None, {"retryDelay": "soon"}, {"retryDelay": "3s"}, {"retryDelay": "9s"}]
    assert read_details({"details": details}).delay_s == 3.0


def test_quotas_are_collected() -> None:
    """Every violated quota is named, in order; what has no name is passed over."""
    details = [
        "x",
        {"violations": [{"quotaId": "A"}, "x", {"quotaId": 7}, {"quotaId": "B"}]},
        {"violations": "x"},
        {"violations": [{"quotaId": "C"}]},
    ]
    assert read_details({"details": details}).quota_ids == ("A", "B", "C")


def test_lists_are_bounded() -> None:
    """Sixteen details and sixteen violations of each are read, and no more."""
    assert len(read_details({"details": [{"reason": "R"}] * 40}).words) == 16
    assert len(read_details({"details": [{"violations": [{"quotaId": "Q"}] * 40}]}).quota_ids) == 16


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("33s", 33.0, id="seconds"),
        pytest.param(" 0.5s ", 0.5, id="fraction"),
        pytest.param("123456789012s", 123456789012.0, id="twelve-digits"),
        pytest.param("1234567890123s", None, id="thirteen-digits"),
        pytest.param("1.123456789012s", 1.123456789012, id="twelve-places"),
        pytest.param("1.1234567890123s", None, id="thirteen-places"),
        pytest.param("1.s", None, id="point-alone"),
        pytest.param("5", None, id="no-unit"),
        pytest.param("5S", None, id="capital-unit"),
        pytest.param({"seconds": 7}, 7.0, id="number"),
        pytest.param({"seconds": "7"}, 7.0, id="digits"),
        pytest.param({"seconds": 7.5}, 7.5, id="float"),
        pytest.param({"nanos": 1}, 1e-9, id="one-nano"),
        pytest.param({"seconds": 2, "nanos": 500_000_000}, 2.5, id="both"),
        pytest.param({"seconds": 0}, 0.0, id="zero"),
        pytest.param({"seconds": -1}, None, id="negative"),
        pytest.param({"seconds": -1, "nanos": 1_000_000_000}, 0.0, id="nothing-left"),
        pytest.param({}, None, id="nothing"),
        pytest.param({"minutes": 1}, None, id="another-field"),
        pytest.param({"seconds": True}, 0.0, id="true-is-no-number"),
        pytest.param({"seconds": "\u0663"}, 0.0, id="arabic-digit"),
        pytest.param({"seconds": "7x"}, 0.0, id="rubbish"),
        pytest.param({"seconds": "9" * 12}, 999999999999.0, id="digits-within-bounds"),
        pytest.param({"seconds": "9" * 13}, 0.0, id="too-many-digits"),
        pytest.param({"seconds": 10**15 - 1}, 999999999999999.0, id="number-within-bounds"),
        pytest.param({"seconds": 10**15}, 0.0, id="too-large-a-number"),
        pytest.param({"seconds": -(10**15)}, 0.0, id="too-small-a-number"),
        pytest.param({"seconds": float("nan")}, 0.0, id="nan"),
        pytest.param(33, None, id="bare-number"),
        pytest.param(None, None, id="none"),
    ],
)
def test_durations(value: object, seconds: float | None) -> None:
    """A protobuf Duration in any of its forms is finite and not negative, or none."""
    assert duration_s(value) == (None if seconds is None else pytest.approx(seconds, rel=1e-12))
