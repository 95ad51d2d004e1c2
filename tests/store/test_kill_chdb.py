"""A process that writes to chdb is killed, before and after each insert, and at random moments."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("kill_chdb.py")
KILLS = 20


@pytest.mark.timeout(400)
def test_rows_and_counts_agree_after_every_kill():
    """What was told to be stored is there, once; `make kill-chdb` kills more."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", str(KILLS), "--json"],
        check=False, capture_output=True, text=True, timeout=390,
    )  # fmt: skip
    assert done.stdout, done.stderr[-2000:]
    kills = json.loads(done.stdout)["kills"]
    assert [kill for kill in kills if kill["problems"]] == []
    assert (len(kills), done.returncode) == (KILLS, 0)
    assert kills[-1]["reached"] >= KILLS // 2, "hardly anything was written between the kills"
