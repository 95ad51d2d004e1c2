"""Dashboards of Grafana and Datadog, and Datadog's monitors: about figures that there are, in the right form."""

import json
import re
from typing import Any

import pytest
import yaml

from halfopen.exporters.dogstatsd.report import metric_lines
from halfopen.exporters.figures import Figure, states
from halfopen.exporters.files.datadog import datadog_files
from halfopen.exporters.files.grafana import grafana_files
from halfopen.exporters.files.written import as_text
from halfopen.signals.metrics import METRICS

NAMES = {metric.name for metric in METRICS} | {
    f"{metric.name}{end}"
    for metric in METRICS
    if metric.kind == "histogram"
    for end in ("_bucket", "_sum", "_count")
}
QUERY = re.compile(
    r"(?:sum|max|min|avg|p50|p95|p99):(?P<name>[a-z0-9_.]+)\{(?P<scope>[^{}]*)\}"
    r"(?: by \{(?P<by>[a-z_,]+)\})?(?P<count>\.as_count\(\))?"
)
SCOPE = re.compile(r"\*|(?:\$[a-z]+|!?[a-z_]+:[A-Za-z0-9_./-]+)(?:,(?:\$[a-z]+|!?[a-z_]+:[A-Za-z0-9_./-]+))*")
MONITOR = re.compile(r"(?:sum|min|max|avg)\(last_(?:5m|10m)\):(?P<query>.+) (?:>=|>|<) (?P<limit>[0-9.]+)")


def boards(made: Any) -> dict[str, Any]:
    return {
        path: each for path, each in grafana_files(made.snapshot()).items() if path.startswith("dashboards/")
    }


def test_every_metric_of_grafana_is_one_that_there_is(made: Any) -> None:
    """No panel asks for what `/metrics` doesn't tell."""
    named = set()
    for board in boards(made).values():
        queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        queries += [each["expr"] for each in board["annotations"]["list"]]
        for query in queries:
            named |= set(re.findall(r"halfopen_[a-z0-9_]+", query))
    assert named <= NAMES
    assert len(named) > 15


def test_boards_are_whole(made: Any) -> None:
    """Ids are there once, panels don't overlap, and every variable of a query is defined."""
    found = boards(made)
    assert len({board["uid"] for board in found.values()}) == len(found) == 4
    for path, board in found.items():
        assert path == f"dashboards/{board['uid']}.json"
        taken: set[tuple[int, int]] = set()
        defined = {each["name"] for each in board["templating"]["list"]} | {"__rate_interval"}
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < 24
            taken |= cells
            for target in panel["targets"]:
                assert set(re.findall(r"\$(\w+)", target["expr"])) <= defined
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert json.loads(as_text(path, board)) == board


def test_choices_are_those_of_the_configuration(made: Any) -> None:
    """Routes and targets can be chosen before anything has happened."""
    (board, *_) = boards(made).values()
    choices = {each["name"]: each.get("query") for each in board["templating"]["list"]}
    assert choices == {
        "datasource": "prometheus",
        "route": "gpt-4o,small",
        "target": "claude/haiku,openai/gpt-4o",
    }


def test_provisioning(made: Any) -> None:
    """Grafana finds the dashboards where the file says."""
    content = grafana_files(made.snapshot())["provisioning/dashboards/halfopen.yaml"]
    assert yaml.safe_load(as_text("a.yaml", content)) == content
    (provider,) = content["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].endswith("/halfopen")


def datadog_queries(content: dict[str, Any]) -> list[str]:
    dashboard = content["dashboard.json"]
    queries = [query["q"] for widget in dashboard["widgets"] for query in widget["definition"]["requests"]]
    for path, monitor in content.items():
        if path.startswith("monitors/"):
            found = MONITOR.fullmatch(monitor["query"])
            assert found, monitor["query"]
            assert float(found["limit"]) == monitor["options"]["thresholds"]["critical"]
            queries += found["query"].split(" / ")
    return queries


def told_names(made: Any) -> set[str]:
    """Names of all that DogStatsD is told."""
    overview = {
        "health": "ok",
        "upstreams": [{"target": "t", "state": {"breaker": "open", "in_flight": 1, "waiting": 1}}],
        "objectives": [
            {
                "name": "o",
                "budget_left": 1.0,
                "burn": [
                    {
                        "severity": "page",
                        "long_s": 3600,
                        "short_s": 300,
                        "long_rate": 1.0,
                        "short_rate": 1.0,
                        "firing": True,
                    }
                ],
            }
        ],
    }
    _, sums = made.folded(made.ok(), made.rescued(2), made.failed(3), made.wasted(4))
    now: list[Figure] = list(states(overview))
    return {line.partition(":")[0] for line in metric_lines(sums, now, "halfopen", ())}


def test_every_metric_of_datadog_is_one_that_is_sent(made: Any) -> None:
    """By DogStatsD, under the configured prefix, and each query is one."""
    names = set()
    for query in datadog_queries(datadog_files(made.snapshot())):
        found = QUERY.fullmatch(query)
        assert found, query
        assert SCOPE.fullmatch(found["scope"]), query
        names.add(found["name"])
    assert names <= told_names(made)
    assert len(names) > 12


def test_datadog_follows_the_prefix(made: Any) -> None:
    """A gateway that sends under another name is looked for there."""
    text = json.dumps(datadog_files(made.snapshot('\n[statsd]\nhost = "127.0.0.1"\nprefix = "llm.gate"\n')))
    assert "llm.gate.requests" in text
    assert ":halfopen." not in text


@pytest.mark.parametrize("name", ["answered", "quick"])
def test_datadog_has_monitors_for_each_objective(made: Any, name: str) -> None:
    """As many as there are pairs of windows; those that page have the highest priority."""
    content = datadog_files(made.snapshot())
    found = {path: each for path, each in content.items() if path.startswith(f"monitors/objective-{name}-")}
    assert {path.rpartition("-")[2]: each["priority"] for path, each in found.items()} == {
        "1h.json": 1,
        "6h.json": 1,
        "3d.json": 3,
    }


def test_widgets_do_not_overlap(made: Any) -> None:
    """Each has a place of its own."""
    places = [widget["layout"] for widget in datadog_files(made.snapshot())["dashboard.json"]["widgets"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["width"])
        for y in range(place["y"], place["y"] + place["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 12
