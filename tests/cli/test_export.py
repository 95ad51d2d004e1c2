"""`halfopen export`: files that others read, made of a configuration."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from halfopen.cli import app

TEXT = """
[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9999"
key = "${KEY}"

[routes.m]
targets = ["p/gpt-4o"]

[objectives.answered]
target = 0.99
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KEY", "sk-test-0123456789")
    path = tmp_path / "halfopen.toml"
    path.write_text(TEXT)
    return str(path)


def export(*words: str) -> Any:
    return CliRunner().invoke(app, ["export", *words])


def test_rules_as_yaml_and_as_json(config: str) -> None:
    """Both are the same."""
    as_yaml = export("prometheus-rules", "--config", config)
    as_json = export("prometheus-rules", "--config", config, "--json")
    assert as_yaml.exit_code == as_json.exit_code == 0
    assert yaml.safe_load(as_yaml.stdout) == json.loads(as_json.stdout)
    assert "halfopen-objective-answered" in as_yaml.stdout


def test_the_job_is_named(config: str) -> None:
    """As Prometheus has it."""
    assert 'up{job=\\"llm\\"} == 0' in export("prometheus-rules", "--config", config, "--job", "llm").stdout


@pytest.mark.parametrize(
    ("verb", "first", "count"),
    [("grafana", "dashboards/halfopen-overview.json", 5), ("datadog", "dashboard.json", 8)],
)
def test_files_are_written(config: str, tmp_path: Path, verb: str, first: str, count: int) -> None:
    """Each at its path, in folders that are made; without a folder all are printed."""
    out = tmp_path / "a" / "b"
    done = export(verb, "--config", config, "--out", str(out), "--json")
    assert done.exit_code == 0
    files = json.loads(done.stdout)["files"]
    assert files[0] == str(out / first)
    assert len(files) == count
    assert sorted(files) == sorted(str(path) for path in out.rglob("*") if path.is_file())
    printed = json.loads(export(verb, "--config", config).stdout)
    assert printed[first] == json.loads((out / first).read_text())


def test_no_secret_is_in_any_file(config: str) -> None:
    """Not even the name of a variable."""
    for verb in ("prometheus-rules", "grafana", "datadog"):
        text = export(verb, "--config", config).stdout
        assert "sk-test" not in text
        assert "KEY" not in text


def test_a_bad_configuration_is_told(tmp_path: Path, config: str) -> None:
    """As everywhere: 1 when it can't be served, 2 when it can't be read."""
    path = tmp_path / "bad.toml"
    path.write_text(TEXT + "\n[objectives.x]\ntarget = 7\n")
    bad = export("prometheus-rules", "--config", str(path))
    assert bad.exit_code == 1
    assert "objectives.x.target" in bad.stderr
    assert export("grafana", "--config", str(tmp_path / "gone.toml")).exit_code == 2


def test_what_cannot_be_written_is_told(tmp_path: Path, config: str) -> None:
    """A file where a folder has to be; nothing is left half written."""
    (tmp_path / "file").write_text("x")
    for verb, out in (("grafana", tmp_path / "file"), ("prometheus-rules", tmp_path / "file" / "r.yaml")):
        done = export(verb, "--config", config, "--out", str(out))
        assert done.exit_code == 2
        assert "can't write" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "halfopen.toml"]
