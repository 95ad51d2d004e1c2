"""Rules for Prometheus: accepted by promtool, about metrics that there are, and right on a timeline."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from halfopen.exporters.files.prometheus_rules import prometheus_rules
from halfopen.exporters.files.written import as_text
from halfopen.signals.metrics import METRICS

ODD = """
[routes.'we"ird\\route.x']
targets = ["claude/haiku"]

[objectives.odd]
target = 0.99
routes = ['we"ird\\route.x', "gpt-4o"]
"""
NAMES = {metric.name for metric in METRICS} | {
    f"{metric.name}{end}"
    for metric in METRICS
    if metric.kind == "histogram"
    for end in ("_bucket", "_sum", "_count")
}


def rules_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in content["groups"] for rule in group["rules"]]


def promtool(*words: str, folder: Path) -> str:
    done = subprocess.run(
        ["promtool", *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_metric_is_one_that_there_is(made: Any) -> None:
    """No rule asks for what `/metrics` doesn't tell, or what no other rule records."""
    rules = rules_of(prometheus_rules(made.snapshot(), "halfopen"))
    recorded = {rule["record"] for rule in rules if "record" in rule}
    named = set()
    for rule in rules:
        named |= set(re.findall(r"halfopen[_:][a-z0-9_:]+", re.sub(r'"[^"]*"', "", rule["expr"])))
    assert named - recorded <= NAMES
    assert len(named & NAMES) > 8


def test_every_objective_has_its_windows(made: Any) -> None:
    """A page for each fast pair and a ticket for the slow one, whatever was promised."""
    rules = rules_of(prometheus_rules(made.snapshot(), "halfopen"))
    burning = [rule["labels"] for rule in rules if rule.get("alert") == "HalfopenObjectiveBurns"]
    wanted = [("page", "1h"), ("page", "6h"), ("ticket", "3d")]
    for name in ("answered", "quick"):
        assert [(each["severity"], each["window"]) for each in burning if each["objective"] == name] == wanted


def test_yaml_is_what_was_meant(made: Any) -> None:
    """A reader of YAML gets the same, odd names included."""
    content = prometheus_rules(made.snapshot(ODD), "my job")
    assert yaml.safe_load(as_text("rules.yaml", content)) == content


@pytest.mark.server("promtool")
def test_promtool_accepts_them(made: Any, tmp_path: Path) -> None:
    """Every expression is one, and no rule is there twice."""
    content = prometheus_rules(made.snapshot(ODD), "halfopen")
    (tmp_path / "rules.yaml").write_text(as_text("rules.yaml", content))
    out = promtool("check", "rules", "rules.yaml", folder=tmp_path)
    assert f"SUCCESS: {len(rules_of(content))} rules found" in out


SERVED = (
    'halfopen_requests_total{job="halfopen",instance="g",route="gpt-4o",target="openai/gpt-4o",result="ok"}'
)
FAILED = 'halfopen_requests_total{job="halfopen",instance="g",route="gpt-4o",target="openai/gpt-4o",result="server_error"}'
MISTAKEN = 'halfopen_requests_total{job="halfopen",instance="g",route="gpt-4o",target="openai/gpt-4o",result="invalid_request"}'
RESCUED = 'halfopen_requests_rescued_total{job="halfopen",instance="g",route="gpt-4o",target="claude/haiku"}'
BREAKER = 'halfopen_breaker_state{job="halfopen",instance="g",target="openai/gpt-4o",state="open"}'
UP = 'up{job="halfopen",instance="g"}'
LOST = 'halfopen_outcomes_lost_total{job="halfopen",instance="g"}'
FIRING = (
    'halfopen_objective_firing{job="halfopen",instance="g",objective="quick",severity="page",window="1h"}'
)


def at(minutes: int, alert: str, **labels: str) -> dict[str, Any]:
    """What fires then; without labels: nothing does."""
    return {"eval_time": f"{minutes}m", "alertname": alert, "fires": labels}


def not_at(minutes: int, alert: str, **labels: str) -> dict[str, Any]:
    """What does not fire then, whatever else does."""
    return {"eval_time": f"{minutes}m", "alertname": alert, "fires": {}, "silent": labels}


CASES: dict[str, tuple[dict[str, str], list[dict[str, Any]]]] = {
    # 30 minutes of peace, 20 of outage, and recovery.
    "outage and recovery": (
        {SERVED: "0+60x30 1800+0x20 1800+60x60", FAILED: "0+0x30 0+60x20 1200+0x60", UP: "1+0x120"},
        [
            at(29, "HalfopenUsersNotServed"),
            at(33, "HalfopenUsersNotServed", severity="page", route="gpt-4o"),
            at(49, "HalfopenUsersNotServed", severity="page", route="gpt-4o"),
            at(57, "HalfopenUsersNotServed"),
            at(29, "HalfopenObjectiveBurns"),
            at(60, "HalfopenUsersNotServed"),
        ],
    ),
    "single failures in little traffic wake nobody": (
        {SERVED: "0+1x600", FAILED: "0+0x300 1+0x300", UP: "1+0x600"},
        [
            at(minutes, name)
            for minutes in (302, 305, 310)
            for name in ("HalfopenUsersNotServed", "HalfopenObjectiveBurns")
        ],
    ),
    "what is at fault itself is nobody's outage": (
        {SERVED: "0+60x60", MISTAKEN: "0+600x60", UP: "1+0x60"},
        [at(50, "HalfopenUsersNotServed"), at(50, "HalfopenObjectiveBurns")],
    ),
    "rescues": (
        {SERVED: "0+60x60", RESCUED: "0+0x20 0+30x40", UP: "1+0x60"},
        [at(20, "HalfopenRescuing"), at(40, "HalfopenRescuing", severity="ticket", route="gpt-4o")],
    ),
    "an open breaker": (
        {BREAKER: "0+0x10 1+0x10 0+0x10", UP: "1+0x60"},
        [
            at(9, "HalfopenBreakerOpen"),
            at(14, "HalfopenBreakerOpen", severity="ticket", target="openai/gpt-4o"),
            at(25, "HalfopenBreakerOpen"),
        ],
    ),
    "lost outcomes": (
        {LOST: "0+0x20 7+0x60", UP: "1+0x80"},
        [
            at(19, "HalfopenOutcomesLost"),
            at(22, "HalfopenOutcomesLost", severity="ticket", instance="g"),
            at(45, "HalfopenOutcomesLost"),
        ],
    ),
    "control is down": (
        {UP: "1+0x10 0+0x10 1+0x10"},
        [
            at(9, "HalfopenControlDown"),
            at(15, "HalfopenControlDown", severity="page", job="halfopen", instance="g"),
            at(25, "HalfopenControlDown"),
        ],
    ),
    "control is gone": ({SERVED: "0+1x5"}, [at(15, "HalfopenControlDown", severity="page", job="halfopen")]),
    "the gateway's own judgement": (
        {FIRING: "0+0x10 1+0x10 0+0x10", UP: "1+0x60"},
        [
            at(9, "HalfopenObjectiveBurns"),
            at(15, "HalfopenObjectiveBurns", severity="page", objective="quick", window="1h"),
            at(25, "HalfopenObjectiveBurns"),
        ],
    ),
}


def burn_case() -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Of 99.9 %: 3 % of failures for an hour burn at 30, which both fast pairs notice; then it ends."""
    series = {SERVED: "0+97x60 5820+100x600", FAILED: "0+3x60 180+0x600", UP: "1+0x700"}
    told = {"severity": "page", "objective": "answered", "window": "1h"}
    ticket = {"severity": "ticket", "objective": "answered", "window": "3d"}
    return series, [
        at(10, "HalfopenObjectiveBurns", **told),
        at(59, "HalfopenObjectiveBurns", **told),
        not_at(75, "HalfopenObjectiveBurns", **told),
        not_at(100, "HalfopenObjectiveBurns", severity="page"),
        at(100, "HalfopenObjectiveBurns", **ticket),
        not_at(500, "HalfopenObjectiveBurns", severity="ticket"),
    ]


def unit_test(series: dict[str, str], expectations: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": f"count by ({','.join(['alertname', *sorted(each['fires'])])}) "
                        f'(ALERTS{{alertname="{each["alertname"]}",alertstate="firing"'
                        + "".join(
                            f',{key}="{value}"'
                            for key, value in (each["fires"] or each.get("silent", {})).items()
                        )
                        + "})",
                        "eval_time": each["eval_time"],
                        "exp_samples": [
                            {
                                "labels": "{"
                                + ",".join(
                                    f'{key}="{value}"'
                                    for key, value in {
                                        "alertname": each["alertname"],
                                        **each["fires"],
                                    }.items()
                                )
                                + "}",
                                "value": 1,
                            }
                        ]
                        if each["fires"]
                        else [],
                    }
                    for each in expectations
                ],
            }
        ],
    }


@pytest.mark.server("promtool")
@pytest.mark.parametrize("name", [*CASES, "an objective burns"])
def test_timeline(made: Any, tmp_path: Path, name: str) -> None:
    """Alerts fire when they should, and not before or after."""
    series, expectations = CASES[name] if name in CASES else burn_case()
    rules = as_text("rules.yaml", prometheus_rules(made.snapshot(), "halfopen"))
    (tmp_path / "rules.yaml").write_text(rules)
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(unit_test(series, expectations)))
    promtool("test", "rules", "test.yaml", folder=tmp_path)
