"""The measurement of what recording costs."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("recording_cost.py")


def test_it_measures_all_three_and_judges_them():
    """Every outcome is recorded by a real control, and the exit status is that of the figures."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--outcomes", "20000", "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert set(told["us"]) == set(told["bounds_us"]) == {"call", "batch", "control"}
    within = all(0 < told["us"][name] <= bound for name, bound in told["bounds_us"].items())
    assert done.returncode == (0 if within else 1)
    assert 0.5 < told["us"]["control"] < 100
