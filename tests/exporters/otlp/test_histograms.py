"""Histograms by the conventions, against what the outcomes say."""

from typing import Any

import pytest

from halfopen.exporters.otlp import histograms as module
from halfopen.exporters.otlp.facts import requests_of
from halfopen.exporters.otlp.histograms import Histograms
from halfopen.exporters.otlp.names import upstreams


def counted(made: Any, *outcomes: Any) -> Histograms:
    histograms = Histograms()
    rows, _ = made.folded(*outcomes)
    for request in requests_of(rows):
        histograms.count(request, upstreams(made.snapshot()))
    return histograms


def points(histograms: Histograms, plain: Any, name: str, *, delta: bool = False) -> list[tuple[Any, Any]]:
    metrics = {metric.name: metric for metric in histograms.metrics(1.0, 2.0, delta=delta)}
    found = metrics[name].histogram.data_points if name in metrics else []
    return [(plain(point.attributes), point) for point in found]


def test_calls_are_told_apart(made: Any, plain: Any) -> None:
    """By provider, model, place and error, as the conventions name them."""
    found = points(counted(made, made.ok(), made.rescued()), plain, "gen_ai.client.operation.duration")
    seen = [
        (
            told["gen_ai.provider.name"],
            told["gen_ai.request.model"],
            told["server.address"],
            told.get("error.type"),
        )
        for told, _ in found
    ]
    assert seen == [
        ("openai", "gpt-4o", "api.openai.com", None),
        ("openai", "gpt-4o", "api.openai.com", "server_error"),
        ("anthropic", "haiku", "127.0.0.1", None),
    ]
    assert [round(point.sum, 3) for _, point in found] == [2.9, 0.5, 1.5]


def test_buckets(made: Any, plain: Any) -> None:
    """The bounds of the conventions and three past 82 s; a value on a bound is below it."""
    told = [0.01, 0.0100001, 81.92, 100.0, 700.0]
    outcomes = [made.ok(number, arrived=0.0, ended=seconds) for number, seconds in enumerate(told)]
    ((_, point),) = points(counted(made, *outcomes), plain, "gen_ai.server.request.duration")
    assert list(point.explicit_bounds)[:14] == pytest.approx([0.01 * 2**power for power in range(14)])
    assert list(point.explicit_bounds)[13:] == pytest.approx([81.92, 163.84, 327.68, 655.36])
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert point.count == sum(point.bucket_counts) == 5
    assert [place for place, count in enumerate(point.bucket_counts) for _ in range(count)] == [
        0, 1, 13, 14, 17,
    ]  # fmt: skip
    assert (point.min, point.max) == pytest.approx((0.01, 700.0))


def test_tokens(made: Any, plain: Any) -> None:
    """Input and output of each call that told them."""
    found = points(counted(made, made.ok(), made.failed(2)), plain, "gen_ai.client.token.usage")
    assert [(told["gen_ai.token.type"], point.sum, point.count) for told, point in found] == [
        ("input", 100, 1),
        ("output", 20, 1),
    ]
    assert list(found[0][1].explicit_bounds)[:5] == [1, 4, 16, 64, 256]


def test_first_content_and_the_rate(made: Any, plain: Any) -> None:
    """Of streams that were answered whole: 20 tokens in 2 s after the first content, which took 1 s."""
    histograms = counted(made, made.ok(), made.ok(2, stream=False), made.failed(3))
    ((_, first),) = points(histograms, plain, "gen_ai.server.time_to_first_token")
    assert (first.count, round(first.sum, 3)) == (2, 2.0)
    ((_, rate),) = points(histograms, plain, "gen_ai.server.time_per_output_token")
    assert (rate.count, rate.sum) == (1, pytest.approx(2.0 / 19, rel=1e-3))
    ((_, chunk),) = points(histograms, plain, "gen_ai.client.operation.time_to_first_chunk")
    assert (chunk.count, round(chunk.sum, 3)) == (1, 0.9)


def test_delta_forgets(made: Any, plain: Any) -> None:
    """What was told is not told again, nor anything that did not happen."""
    histograms = counted(made, made.ok())
    name = "gen_ai.server.request.duration"
    assert len(points(histograms, plain, name, delta=True)) == 1
    assert points(histograms, plain, name, delta=True) == []


def test_series_are_bounded(made: Any, plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names beyond the bound are counted as left out."""
    monkeypatch.setattr(module, "SERIES_MAX", 2)
    histograms = counted(made, made.ok(), made.ok(2, route="other"))
    assert sum(len(metric.histogram.data_points) for metric in histograms.metrics(1.0, 2.0, delta=False)) == 2
    assert histograms.left_out > 0
