"""`/metrics` in OpenMetrics, read by prometheus-client's parser of it and held against the older format."""

import pytest
from made_requests import NOW, counted, made
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as text_families
from test_exposition import FACTS

from halfopen.seams.outcome_store import Context, Group, Rows
from halfopen.seams.sums import Sums
from halfopen.signals import metrics
from halfopen.signals.exemplars import PAIRS_MAX, Exemplars
from halfopen.signals.exposition import exposition, openmetrics
from halfopen.signals.metric import Metric, as_openmetrics

DURATION = "halfopen_request_duration_seconds"


def own(request_id="ho-1", took_ms=700.0, first_ms=300.0):
    return (request_id, NOW + 0.5, took_ms, 0.0, 1.0, 200.0, first_ms, 1, 2, 0, 10, 10, 5)


def context(route="m", target="p/m"):
    return Context(route, "chat", "team", "5eed", 0, target, None)


def plain(*rows, **named):
    return Rows([Group(context(**named), 0, rows)], [])


def detailed(*told, kind=None, gone=0):
    return (*context(), *own(*told), 0, kind, gone, 2, 0, 0, b"detail")


def samples(families):
    """Values by name and labels, without what only one of the two has."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def exemplars_of(exemplars, ever):
    """By family and bound."""
    text = openmetrics(ever, FACTS, exemplars).decode()
    return {
        (sample.name, sample.labels["route"], sample.labels["le"]): sample.exemplar
        for family in open_families(text)
        for sample in family.samples
        if sample.exemplar is not None
    }


@pytest.mark.parametrize("seed", range(3))
def test_both_formats_tell_the_same(seed):
    """Every sample, with the same value."""
    ever = counted(made(seed, 300, NOW - 600, NOW)).in_spans_of(0)
    plainly = samples(text_families(exposition(ever, FACTS).decode()))
    openly = samples(open_families(openmetrics(ever, FACTS, Exemplars()).decode()))
    assert {key: repr(value) for key, value in openly.items()} == {
        key: repr(value) for key, value in plainly.items()
    }
    assert len(plainly) > 100


def test_families_have_their_types_and_units():
    """Counters are named without `_total`, and what is measured in a unit says so."""
    text = openmetrics(Sums(), FACTS, Exemplars()).decode()
    families = {family.name: family for family in open_families(text)}
    assert len(families) == len(metrics.METRICS)
    for metric in metrics.METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == metric.kind
        assert family.documentation == metric.help
    units = {family.unit for family in families.values()}
    assert units == {"", "seconds", "bytes", "usd"}
    assert families["halfopen_store_bytes"].unit == "bytes"
    assert families["halfopen_worker_cpu_seconds"].unit == "seconds"
    assert text.endswith("\n# EOF\n")
    assert text.count("# EOF") == 1


def test_only_counters_end_in_total():
    """Else the name of another would be cut."""
    for metric in metrics.METRICS:
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name


def test_help_is_escaped():
    """Quotation marks as well, which the older format leaves as they are."""
    lines = Metric("halfopen_x", "gauge", 'a "b" \\ c\nd').lines([((), 1)])
    text = "\n".join([*map(as_openmetrics, lines), "# EOF\n"])
    assert [family.documentation for family in open_families(text)] == ['a "b" \\ c\nd']


def test_a_bucket_shows_the_latest_request_in_it():
    """By its id, with what it took and when it ended."""
    ever = counted(made(0, 300, NOW - 600, NOW)).in_spans_of(0)
    route, target = next((str(r), str(t)) for _, r, t, name, _ in ever.times if name == "duration_us")
    exemplars = Exemplars()
    exemplars.add(plain(own("ho-old"), route=route, target=target))
    exemplars.add(plain(own("ho-1"), route=route, target=target))
    exemplars.add(plain(own("ho-2", 9e9, None), own("ho-3", 60.0, None), route=route, target=target))
    found = exemplars_of(exemplars, ever)
    assert {(name, le): exemplar.labels["request_id"] for (name, _, le), exemplar in found.items()} == {
        (f"{DURATION}_bucket", "0.1"): "ho-3",
        (f"{DURATION}_bucket", "1.0"): "ho-1",
        (f"{DURATION}_bucket", "+Inf"): "ho-2",
        ("halfopen_first_content_seconds_bucket", "0.5"): "ho-1",
    }
    slowest = found[f"{DURATION}_bucket", route, "+Inf"]
    assert (slowest.value, float(slowest.timestamp)) == (9e6, NOW + 0.5)


def test_what_was_not_answered_whole_stands_for_nothing():
    """Histograms count whole answers only."""
    exemplars = Exemplars()
    exemplars.add(
        Rows([], [detailed("ho-1", kind="timeout"), detailed("ho-2", gone=1), detailed("ho-3", 200.0)])
    )
    marks = exemplars.marks("duration_us")["m", "p/m"]
    assert [mark for mark in marks if mark] == [f' # {{request_id="ho-3"}} 0.2 {NOW + 0.5:.3f}']


def test_exemplars_are_bounded():
    """In number, and in the length of an id."""
    exemplars = Exemplars()
    exemplars.add(plain(own("x" * 101)))
    assert exemplars.marks("duration_us") == {}
    for number in range(PAIRS_MAX + 5):
        exemplars.add(plain(own(), route=f"r{number}"))
    assert len(exemplars.marks("duration_us")) == PAIRS_MAX
    exemplars.add(plain(own("x" * 100)))


def test_of_many_contexts_the_last_and_the_slowest_are_taken():
    """A batch of many routes costs no more than one of one."""
    exemplars = Exemplars()
    groups = [Group(context(f"r{n}"), 0, [own(f"ho-{n}", 100.0 + n)]) for n in (1, 3, 2)]
    exemplars.add(Rows(groups, []))
    assert set(exemplars.marks("duration_us")) == {("r3", "p/m"), ("r2", "p/m")}
