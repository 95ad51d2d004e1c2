"""What was spent, by day, route, target and caller."""

from made_requests import NOW, counted, failed, outcome, rescued

from halfopen.signals.spend import DAY_S, Spending, first_second


def test_every_list_adds_up_to_the_same():
    """Two days, two targets, a caller that is known, a rescue that wasted nothing and a failure."""
    spending = Spending()
    requests = [outcome(), outcome(NOW - DAY_S, caller="team"), rescued(caller="team"), failed()]
    for each in requests:
        spending.add(counted([each]))
    told = spending.told(2)
    assert [(row["name"], row["requests"]) for row in told["by_day"]] == [
        ("2023-11-13", 1),
        ("2023-11-14", 3),
    ]
    assert {row["name"]: row["requests"] for row in told["by_caller"]} == {"": 2, "team": 2}
    assert {row["name"]: row["requests"] for row in told["by_target"]} == {"a/x": 3, "b/y": 1}
    # 100 tokens in and 20 out: at a/x 140 millionths of a dollar, at b/y 400.
    assert {row["name"]: row["cost_usd"] for row in told["by_target"]} == {"a/x": 0.00028, "b/y": 0.0004}
    for by in ("by_day", "by_route", "by_target", "by_caller"):
        assert sum(row["requests"] for row in told[by]) == 4
        assert sum(row["input_tokens"] for row in told[by]) == 300
        assert round(sum(row["cost_usd"] for row in told[by]), 12) == 0.00068


def test_the_dearest_comes_first():
    """Days come in their order."""
    spending = Spending()
    spending.add(counted([outcome()] * 5 + [rescued()] * 3 + [outcome(NOW - 3 * DAY_S)]))
    told = spending.told(4)
    assert [row["name"] for row in told["by_target"]] == ["b/y", "a/x"]
    assert [row["name"] for row in told["by_day"]] == ["2023-11-11", "2023-11-14"]


def test_the_first_day_begins_at_midnight():
    """Today is one of the days."""
    assert first_second(1, NOW) % DAY_S == 0
    assert 0 <= NOW - first_second(1, NOW) < DAY_S
    assert first_second(1, NOW) - first_second(30, NOW) == 29 * DAY_S
