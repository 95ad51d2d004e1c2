"""What `halfopen run` says at the start."""

from types import SimpleNamespace
from typing import Any

from halfopen.cli.run import _as_text
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import RouteSpec, Snapshot, sealed


def test_every_client_is_told_where_to_go() -> None:
    """OpenAI's clients want the version in their base URL, Anthropic's and Google's must not have it."""
    snapshot = sealed(Snapshot(Gateway(), {}, {"m": RouteSpec("m", ())}))
    child = SimpleNamespace(pid=7)
    backing = SimpleNamespace(lab_ports={})
    supervisor: Any = SimpleNamespace(snapshot=snapshot, backing=backing, control=child, workers=[child])
    loaded: Any = SimpleNamespace(notes=(), warnings=())
    lines = _as_text(loaded, supervisor).splitlines()
    assert [line.split("base_url=")[1] for line in lines if "base_url=" in line] == [
        '"http://127.0.0.1:8500/v1"',
        '"http://127.0.0.1:8500"',
    ]
