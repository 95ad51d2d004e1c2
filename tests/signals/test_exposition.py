"""`/metrics`, read by prometheus-client's own parser and held against the requests themselves."""

import math
import time
from pathlib import Path

import pytest
from made_requests import NOW, counted, failed, made, outcome, rescued
from naive_judge import is_rescued, result_of
from prometheus_client.parser import text_string_to_metric_families

from halfopen.seams.sums import Sums
from halfopen.signals import metrics
from halfopen.signals.burn import BurnRate
from halfopen.signals.exposition import Facts, WorkerFacts, exposition, window_text
from halfopen.signals.metric import Metric, labels, number
from halfopen.signals.overview import Health, ObjectiveState, UpstreamState

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
FACTS = Facts(
    health=Health.FAILING,
    version="1.2",
    snapshot="5eed",
    lost=7,
    problems=2,
    store_up=False,
    store_waiting=11,
    store_bytes=4096,
    states={
        "a/x": UpstreamState(
            target="a/x",
            breaker="half_open",
            workers_open=1,
            workers=2,
            in_flight=3,
            limit=20,
            waiting=4,
            throttled_s=1.5,
            parked={"${K}": "bad_key"},
            requests_left=9.0,
            requests_max=60.0,
        )
    },
    workers=[
        WorkerFacts(number="0", up=True, in_flight=5, waiting=1, connections=8, cpu_s=2.5, memory_bytes=1024),
        WorkerFacts(number="1", up=False),
    ],
    restarts={"control": 3},
    objectives=[
        ObjectiveState(
            name="up",
            promise="availability",
            target=0.99,
            days=30,
            good=98,
            total=100,
            kept=0.98,
            budget_left=-1.0,
            burn=[
                BurnRate(
                    severity="page",
                    long_s=3600,
                    short_s=300,
                    threshold=14.4,
                    long_rate=20.0,
                    short_rate=None,
                    firing=True,
                )
            ],
        )
    ],
)


def read(ever=None, facts=FACTS):
    """All samples, by name and labels; and the types, by name."""
    text = exposition(ever or Sums(), facts).decode()
    samples, types = {}, {}
    for family in text_string_to_metric_families(text):
        types[family.name] = family.type
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return samples, types


def of(samples, name, **wanted):
    """The sum of all samples of a name that have these labels."""
    return sum(
        value
        for (found, *pairs), value in samples.items()
        if found == name and wanted.items() <= dict(pairs).items()
    )


def wrong(ever, outcomes):
    """What the text tells otherwise than the requests do."""
    samples, _ = read(ever)
    ok = [each for each in outcomes if result_of(each) == "ok"]
    with_first = [each for each in ok if each.attempts[-1].first_content is not None]
    expected = {
        ("halfopen_requests_rescued_total",): sum(is_rescued(each) for each in outcomes),
        ("halfopen_tokens_total", "type", "input"): sum(e.usage.input_tokens for e in outcomes if e.usage),
        ("halfopen_tokens_total", "type", "output"): sum(e.usage.output_tokens for e in outcomes if e.usage),
        ("halfopen_streams_total",): sum(each.stream for each in outcomes),
        ("halfopen_attempts_total",): sum(len(each.attempts) for each in outcomes),
        ("halfopen_skips_total",): sum(len(each.skips) for each in outcomes),
        ("halfopen_received_bytes_total",): sum(each.received_bytes for each in outcomes),
        ("halfopen_sent_bytes_total",): sum(each.sent_bytes for each in outcomes),
        ("halfopen_request_duration_seconds_count",): len(ok),
        ("halfopen_request_duration_seconds_bucket", "le", "+Inf"): len(ok),
        ("halfopen_first_content_seconds_count",): len(with_first),
    }
    for result in {result_of(each) for each in outcomes}:
        count = sum(result_of(each) == result for each in outcomes)
        expected["halfopen_requests_total", "result", result] = count
    for caller in {each.caller for each in outcomes}:
        count = sum(each.caller == caller for each in outcomes)
        expected["halfopen_caller_requests_total", "caller", caller] = count
    for bound in metrics.DURATION_BOUNDS_S:
        if not any(abs(each.ended - each.arrived - bound) < bound * 0.03 for each in ok):
            count = sum(each.ended - each.arrived <= bound for each in ok)
            expected["halfopen_request_duration_seconds_bucket", "le", str(bound)] = count
    found = []
    for (name, *pair), count in expected.items():
        if of(samples, name, **({pair[0]: pair[1]} if pair else {})) != count:
            found.append((name, *pair))
    total_s = sum(each.ended - each.arrived for each in ok)
    if abs(of(samples, "halfopen_request_duration_seconds_sum") - total_s) > 1e-3:
        found.append("sum")
    return found


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_the_requests_themselves(seed):
    """Exactly; and histograms wherever no time lies within 3 % of a bound."""
    outcomes = made(seed, 300, NOW - 600, NOW)
    assert wrong(counted(outcomes).in_spans_of(0), outcomes) == []


def _last_bound_left_out(monkeypatch):
    monkeypatch.setattr(metrics, "DURATION_BOUNDS_S", (*metrics.DURATION_BOUNDS_S[:3], 0.9))


def _milliseconds(monkeypatch):
    from halfopen.signals import exposition as module

    monkeypatch.setattr(module, "_US_PER_S", 1e3)


def _rescues_and_streams_swapped(monkeypatch):
    rescued_metric = metrics.RESCUED
    monkeypatch.setattr(metrics, "RESCUED", metrics.STREAMS)
    monkeypatch.setattr(metrics, "STREAMS", rescued_metric)


@pytest.mark.parametrize("plant", [_last_bound_left_out, _milliseconds, _rescues_and_streams_swapped])
def test_a_planted_bug_is_found(plant, monkeypatch):
    """Else the agreement would mean nothing."""
    outcomes = made(0, 300, NOW - 600, NOW)
    bounds = metrics.DURATION_BOUNDS_S
    ever = counted(outcomes).in_spans_of(0)
    plant(monkeypatch)
    text = exposition(ever, FACTS)
    monkeypatch.setattr(metrics, "DURATION_BOUNDS_S", bounds)
    monkeypatch.setitem(read.__globals__, "exposition", lambda *_: text)
    assert wrong(ever, outcomes)


def test_everything_that_is_known_is_told():
    """Of breakers, limits, workers, the store and objectives."""
    samples, _ = read()
    assert of(samples, "halfopen_health", state="failing") == of(samples, "halfopen_health") == 1
    assert (
        of(samples, "halfopen_breaker_state", state="half_open") == of(samples, "halfopen_breaker_state") == 1
    )
    assert {
        name: of(samples, f"halfopen_{name}")
        for name in (
            "outcomes_lost_total",
            "problems",
            "store_up",
            "store_waiting",
            "store_bytes",
            "breaker_open_workers",
            "target_in_flight",
            "target_limit",
            "target_waiting",
            "target_throttled_seconds",
            "target_parked_keys",
            "worker_up",
            "in_flight",
            "waiting",
            "connections",
            "worker_cpu_seconds_total",
            "worker_memory_bytes",
            "restarts_total",
            "objective_target",
            "objective_kept",
            "objective_budget_left",
            "objective_firing",
        )
    } == {
        "outcomes_lost_total": 7,
        "problems": 2,
        "store_up": 0,
        "store_waiting": 11,
        "store_bytes": 4096,
        "breaker_open_workers": 1,
        "target_in_flight": 3,
        "target_limit": 20,
        "target_waiting": 4,
        "target_throttled_seconds": 1.5,
        "target_parked_keys": 1,
        "worker_up": 1,
        "in_flight": 5,
        "waiting": 1,
        "connections": 8,
        "worker_cpu_seconds_total": 2.5,
        "worker_memory_bytes": 1024,
        "restarts_total": 3,
        "objective_target": 0.99,
        "objective_kept": 0.98,
        "objective_budget_left": -1,
        "objective_firing": 1,
    }
    assert of(samples, "halfopen_rate_limit_left", target="a/x", dimension="requests") == 9
    assert ("halfopen_rate_limit_left", ("dimension", "tokens"), ("target", "a/x")) not in samples
    assert (
        of(samples, "halfopen_build_info", version="1.2")
        == of(samples, "halfopen_snapshot_info", id="5eed")
        == 1
    )


def test_a_rate_that_is_not_known_is_no_number():
    """So that a query finds the metric, and no comparison holds."""
    samples, _ = read()
    assert of(samples, "halfopen_objective_burn_rate", window="1h", severity="page") == 20
    assert math.isnan(of(samples, "halfopen_objective_burn_rate", window="5m"))


def test_cost_is_in_dollars():
    """100 tokens at 1 dollar a million, and 20 at 2."""
    samples, _ = read(counted([outcome(), rescued(), failed()]).in_spans_of(0))
    assert of(samples, "halfopen_cost_usd_total", target="a/x") == 0.00014
    assert of(samples, "halfopen_cost_usd_total", target="b/y") == 0.0004


def test_callers_are_told_only_where_they_are_few():
    """They name themselves, so there may be many."""
    few = [outcome(caller=f"c{number}") for number in range(metrics.CALLERS_MAX)]
    assert of(read(counted(few).in_spans_of(0))[0], "halfopen_caller_requests_total") == metrics.CALLERS_MAX
    samples, _ = read(counted([*few, outcome(caller="one more")]).in_spans_of(0))
    assert of(samples, "halfopen_caller_requests_total") == 0
    assert of(samples, "halfopen_requests_total") == metrics.CALLERS_MAX + 1


def test_every_metric_has_its_type_and_no_other_is_told():
    """Those of the table, whether there is anything to count or not."""
    _, types = read()
    assert types == {each.name.removesuffix("_total"): each.kind for each in metrics.METRICS} | {
        each.name: each.kind for each in metrics.METRICS if each.kind != "counter"
    }


def test_names_follow_the_conventions():
    """A counter ends with _total and nothing else does; base units; each name once."""
    names = [each.name for each in metrics.METRICS]
    assert len(set(names)) == len(names) > 40
    for each in metrics.METRICS:
        assert each.name.startswith("halfopen_")
        assert each.name.endswith("_total") is (each.kind == "counter")
        assert not any(unit in each.name for unit in ("_ms", "_millis", "_minutes", "_kb", "_percent"))
        assert each.help.endswith(".")
        assert set(each.labels) <= {
            *("route", "target", "result", "reason", "type", "caller", "state", "dimension", "worker"),
            *("process", "objective", "severity", "window", "version", "id"),
        }


def test_every_metric_is_documented():
    """With its type and labels, and no other is."""
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `halfopen_")]
    told = {row[0].strip("| `"): (row[1], row[2].replace("`", "")) for row in rows}
    assert told == {each.name: (each.kind, ", ".join(each.labels) or "none") for each in metrics.METRICS}


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb", "ä", "a,b}", "", 'a\\"', "\\n"], ids=repr)
def test_any_label_is_read_as_it_was(value):
    """Models are named by whoever configures them."""
    metric = Metric("halfopen_x", "gauge", "A \\ b\nc.", ("route", "target"))
    text = "\n".join([*metric.lines([((value, "t"), 1)]), ""])
    (family,) = text_string_to_metric_families(text)
    assert [(sample.labels, sample.value) for sample in family.samples] == [
        ({"route": value, "target": "t"}, 1)
    ]
    assert labels((), ()) == ""


def test_numbers():
    """As Prometheus writes them; whole ones exactly."""
    assert [number(each) for each in (3, 2**60, 0.5, 1e-7, math.inf, -math.inf, math.nan)] == [
        "3",
        "1152921504606846976",
        "0.5",
        "1e-07",
        "+Inf",
        "-Inf",
        "NaN",
    ]


@pytest.mark.parametrize(
    ("window_s", "text"),
    [(300, "5m"), (1800, "30m"), (3600, "1h"), (21_600, "6h"), (259_200, "3d"), (61, "61s")],
)
def test_windows_are_written_as_prometheus_does(window_s, text):
    """In the largest whole unit."""
    assert window_text(window_s) == text


def test_many_routes_cost_little():
    """50 routes of 5 targets with 120 buckets each: a scrape takes a part of a second that nobody notices."""
    ever = Sums()
    for route in range(50):
        for target in range(5):
            for result in ("ok", "server_error", "overloaded"):
                ever.requests[0, f"route-{route}", f"p/model-{target}", "team", result] = [1] * 15
                ever.attempts[0, f"route-{route}", f"p/model-{target}", result] = [1] * 5
            for measure in ("duration_us", "first_content_us", "tokens_per_1000_s"):
                for bucket in range(300, 340):
                    ever.times[0, f"route-{route}", f"p/model-{target}", measure, bucket] = [1]
    took_s = []
    for _ in range(5):
        began = time.process_time()
        text = exposition(ever, FACTS)
        took_s.append(time.process_time() - began)
    assert text.count(b"\n") > 10_000
    assert min(took_s) < 0.1, f"{min(took_s):.3f} s of CPU time"
