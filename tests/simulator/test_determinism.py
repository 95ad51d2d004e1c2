"""Same seed, same bytes, and the judge of it sees a policy that depends on its process."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from halfopen.app.simulation import find_scenario, packaged

HERE = Path(__file__).parent
SHARE = "0.01"


@pytest.fixture(scope="session")
def determinism() -> ModuleType:
    """The judge, a plain module of this folder, under a name of its own."""
    full = "simulator_tests_determinism"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, HERE / "determinism.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


def test_packaged_scenarios_give_the_same_bytes(
    determinism: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two processes with two values of PYTHONHASHSEED agree on every trace and every report."""
    assert determinism.main(["--share", SHARE, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["differences"] == []
    for prints in told["processes"].values():
        assert len(prints) == len(packaged()) * len(determinism.POLICIES)
        assert len({each["trace_sha256"] for each in prints}) == len(prints)
        assert sum(each["requests"] for each in prints) > 1000


def test_a_policy_that_depends_on_its_process_is_caught(
    determinism: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that goes through a set, and one that uses `hash()`, are named with what differs."""
    arguments = ["--share", SHARE, "--only", "errors-50"]
    for name in determinism.PLANTED:
        arguments += ["--policy", name]
    assert determinism.main(arguments) == 1
    told = capsys.readouterr().out
    for name in determinism.PLANTED:
        assert f"DIFFERENT errors-50, {name}: trace_sha256" in told


@pytest.mark.parametrize("field", ["trace_sha256", "json_sha256"])
def test_either_fingerprint_counts(determinism: ModuleType, field: str) -> None:
    """Figures that differ are found where traces agree, and the other way round."""
    one = determinism.Fingerprint("s", "p", 1, "a", "b")
    (told,) = determinism.differences({"x": [one], "y": [replace(one, **{field: "c"})]})
    assert field in told
    assert determinism.differences({"x": [one], "y": [one]}) == []


def test_a_run_that_is_missing_counts(determinism: ModuleType) -> None:
    """A process that printed less than the other does not agree with it."""
    one = determinism.Fingerprint("s", "p", 1, "a", "b")
    assert determinism.differences({"x": [one, one], "y": [one]}) == ["y ran 1, x 2"]


@pytest.mark.parametrize("name", packaged())
def test_a_shortened_scenario_keeps_its_shape(determinism: ModuleType, name: str) -> None:
    """All times of phases and faults shrink alike, so that each fault still strikes."""
    whole = find_scenario(name)
    short = determinism.shortened(whole, 0.1)
    assert short.duration_s == pytest.approx(whole.duration_s / 10)
    assert all(fault.from_s < short.duration_s for fault in short.faults)
    assert [fault.until_s * 10 for fault in short.faults] == [
        pytest.approx(fault.until_s) for fault in whole.faults
    ]
    assert determinism.shortened(whole, 1.0) is whole
