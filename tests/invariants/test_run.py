"""The runner counts what was tried, and replays a seed byte for byte."""

import json
import os
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parent / "run.py"


def ran(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    """The runner, as a person calls it."""
    return subprocess.run(
        [sys.executable, str(RUN), *arguments],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )


def test_figures_count_only_schedules_that_met_the_situation() -> None:
    """As many as asked for met the rarest claim; the others are void, and the bound is 3/n."""
    done = ran("--invariant", "4", "--schedules", "20", "--seed", "1", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads(done.stdout)["invariants"]
    assert figures["schedules"] == 20
    assert figures["void"] == figures["played"] - 20 > 0
    assert figures["violations"] == 0
    assert figures["upper_bound_95"] == 3 / 20
    assert min(figures["met"].values()) >= 1


def test_a_replay_is_the_same_to_the_byte() -> None:
    """A seed's trace does not depend on the process, nor on how it hashes strings."""
    traces = [ran("--invariant", "3", "--replay", "7", hash_seed=seed).stdout for seed in ("1", "4242")]
    assert traces[0] == traces[1]
    assert "Arrived() -> " in traces[0]
    assert "0 wrong" in traces[0].splitlines()[-1]
