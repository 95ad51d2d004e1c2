"""Overview and objectives against a second hand, which reckons from raw requests. And that it would notice."""

import msgspec
import pytest
from made_requests import MINUTE, NOW, counted, made, split
from naive_judge import Goal, burning, exact_percentile, good_and_all, in_minutes, is_rescued, result_of

from halfopen.signals import burn, objectives, survey, tally, timeline
from halfopen.signals.burn import Guards
from halfopen.signals.digests import Digests
from halfopen.signals.objectives import Followed, Promised
from halfopen.signals.sketch import ERROR
from halfopen.signals.survey import Known
from halfopen.signals.windows import Windows

DAY_S = 86_400
GOALS = {
    "availability": Goal("availability", 0.9, ("m",), samples_min=20, bad_min=3),
    "all routes": Goal("availability", 0.99, samples_min=300),
    "first_token": Goal("first_token", 0.95, limit=1.3, bad_min=80),
    "tokens_per_s": Goal("tokens_per_s", 0.8, limit=15.0),
    "valid": Goal("valid", 0.999, samples_min=50, bad_min=2),
}


def windows_of(outcomes, seed, digests=None):
    windows = Windows()
    for batch in split(outcomes, seed):
        windows.add(counted(batch), NOW)
        if digests is not None:
            digests.follow(windows)
    return windows


def promised(name, goal):
    return Promised(
        name=name,
        promise=goal.promise,
        target=goal.target,
        days=4,
        routes=goal.routes,
        within_s=goal.limit,
        at_least=goal.limit,
        guards=Guards(samples_min=goal.samples_min, bad_min=goal.bad_min),
    )


def wrong_figures(seed):
    """What an overview tells otherwise than the judge does."""
    outcomes = made(seed, 400, NOW - 900, NOW)
    digests = Digests()
    seen = survey.survey(windows_of(outcomes, seed, digests), digests, NOW, Known())
    wrong = []
    for stretch, figures in (
        (in_minutes(outcomes, NOW, seen.window_s), seen.figures),
        (outcomes, seen.totals),
    ):
        results = [result_of(each) for each in stretch]
        told = {
            "requests": len(stretch),
            "answered": results.count("ok"),
            "gone": results.count("client_gone"),
            "failed": sum(result not in ("ok", "client_gone") for result in results),
            "rescued": sum(is_rescued(each) for each in stretch),
            "input_tokens": sum(each.usage.input_tokens for each in stretch if each.usage),
        }
        wrong += [name for name, count in told.items() if getattr(figures, name) != count]
        for share, found in ((0.5, figures.p50_ms), (0.95, figures.p95_ms)):
            exact = exact_percentile(
                ((each.ended - each.arrived) * 1000 for each in stretch if result_of(each) == "ok"), share
            )
            if abs(found - exact) > exact * (ERROR + 1e-6):
                wrong.append(f"percentile {share}")
    callers = {each.name: each.figures.requests for each in seen.callers}
    lately = in_minutes(outcomes, NOW, seen.window_s)
    if callers != {name: sum(each.caller == name for each in lately) for name in callers}:
        wrong.append("callers")
    if sum(seen.series.answered) + sum(seen.series.rescued) != seen.totals.answered:
        wrong.append("series")
    return wrong


def wrong_objectives(seed):
    """Objectives that are told otherwise than the judge does. Four days, of which two hours are in memory."""
    old, young = made(seed, 1500, NOW - 3.9 * DAY_S, NOW), made(seed + 1, 400, MINUTE - 7000, NOW)
    outcomes = [*old, *young]
    windows = windows_of(outcomes, seed)
    earlier = counted([each for each in outcomes if each.ended < MINUTE - 7200])
    wrong = []
    for name, goal in GOALS.items():
        followed = Followed(promised(name, goal))
        for hour in earlier.in_spans_of(3600).by_start():
            minutes = [each for each in outcomes if hour <= each.ended < min(hour + 3600, MINUTE - 7200)]
            followed.timeline.set_hour(objectives.counts_of(followed.promised, counted(minutes)))
        for now in (NOW - 3600, NOW):  # once before, so that minutes become hours on the way
            followed.follow(windows, now)
        state = followed.state(NOW)
        if (state.good, state.total) != good_and_all(goal, outcomes, NOW, 4 * DAY_S):
            wrong.append(f"{name}: budget")
        for told, (severity, rate, fires) in zip(state.burn, burning(goal, outcomes, NOW), strict=True):
            if (told.severity, told.firing) != (severity, fires) or told.long_rate != pytest.approx(rate):
                wrong.append(f"{name}: {severity} {told.long_s}")
    return wrong


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_those_of_the_requests_themselves(seed):
    """Counts exactly, percentiles within the sketch's error; of the last minutes, and of all time."""
    assert wrong_figures(seed) == []


@pytest.mark.parametrize("seed", range(4))
def test_objectives_are_those_of_the_requests_themselves(seed):
    """Good, all, burn rates and what fires, for each promise; minutes of four days, partly from hours."""
    assert wrong_objectives(seed) == []


def _own_mistakes_count(monkeypatch):
    monkeypatch.setattr(objectives, "is_failure", lambda result: result != "client_gone")


def _gone_counts(monkeypatch):
    monkeypatch.setattr(objectives, "is_failure", lambda result: result == "client_gone")


def _window_a_minute_longer(monkeypatch):
    between = timeline.Timeline.between
    monkeypatch.setattr(
        timeline.Timeline, "between", lambda self, since, until: between(self, since - 60, until)
    )


def _short_window_alone(monkeypatch):
    pairs = [(severity, short, short, threshold) for severity, _, short, threshold in burn.PAIRS]
    monkeypatch.setattr(burn, "PAIRS", pairs)


def _guarded_by(monkeypatch, **less):
    burn_rates = objectives.burn_rates

    def careless(followed, target, guards, now_s):
        return burn_rates(followed, target, msgspec.structs.replace(guards, **less), now_s)

    monkeypatch.setattr(objectives, "burn_rates", careless)


def _few_requests_are_enough(monkeypatch):
    _guarded_by(monkeypatch, samples_min=1)


def _few_misses_are_enough(monkeypatch):
    _guarded_by(monkeypatch, bad_min=0)


def _hours_forget_their_first_minute(monkeypatch):
    kept = timeline.Timeline._as_kept

    def without(self, minutes):
        return kept(self, {s: c for s, c in minutes.items() if s % 3600 or s >= self._hourly})

    monkeypatch.setattr(timeline.Timeline, "_as_kept", without)


def _slow_is_good(monkeypatch):
    monkeypatch.setattr(objectives, "bucket", lambda _value: 10_000)


@pytest.mark.parametrize(
    "plant",
    [
        _own_mistakes_count,
        _gone_counts,
        _window_a_minute_longer,
        _short_window_alone,
        _few_requests_are_enough,
        _few_misses_are_enough,
        _hours_forget_their_first_minute,
        _slow_is_good,
    ],
    ids=lambda plant: plant.__name__.strip("_"),
)
def test_the_judge_finds_a_planted_bug_in_objectives(plant, monkeypatch):
    """Else its agreement would mean nothing."""
    plant(monkeypatch)
    assert any(wrong_objectives(seed) for seed in range(4))


def _failures_are_own_mistakes(monkeypatch):
    monkeypatch.setattr(tally.Tally, "failed", property(lambda self: self.own_mistakes))


def _minute_twice(monkeypatch):
    tallies = Digests.tallies

    def twice(self, since_s):
        found = tallies(self, since_s)
        return [*found, *found[:1]]

    monkeypatch.setattr(Digests, "tallies", twice)


def _changed_minutes_stay(monkeypatch):
    add = Windows.add

    def stale(self, sums, now_s):
        add(self, sums, now_s)
        self.versions = dict.fromkeys(self.versions, 1)

    monkeypatch.setattr(Windows, "add", stale)


def _last_bucket_of_percentiles(monkeypatch):
    monkeypatch.setattr(tally, "percentile", lambda counts, _share: float(max(counts, default=0)))


@pytest.mark.parametrize(
    "plant",
    [_failures_are_own_mistakes, _minute_twice, _changed_minutes_stay, _last_bucket_of_percentiles],
    ids=lambda plant: plant.__name__.strip("_"),
)
def test_the_judge_finds_a_planted_bug_in_figures(plant, monkeypatch):
    """Else its agreement would mean nothing."""
    plant(monkeypatch)
    assert any(wrong_figures(seed) for seed in range(6))
