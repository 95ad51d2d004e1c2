"""From a saved snapshot to one that a process can serve."""

from dataclasses import replace

import pytest

from halfopen.app.processes.placing import LOCAL_KEY, placed, secrets_for
from halfopen.app.processes.restart_note import needs_restart
from halfopen.rollout import LocalSpec, ProviderSpec, Snapshot
from halfopen.rollout.settings import Gateway, Processes

REMOTE = ProviderSpec(
    "r",
    "openai",
    "https://api.example/v1",
    key="${KEY}",
    more_keys=("${providers.r.keys.1}",),
    headers=(("x-team", "team ${TEAM}"),),
)
LOCAL = ProviderSpec("l", "openai", "", local=LocalSpec())
SNAPSHOT = Snapshot(Gateway(), {"r": REMOTE, "l": LOCAL}, {}, id="0123")


def test_local_models_are_found_where_they_run() -> None:
    """With the key that only this gateway knows; others and the id stay as they are."""
    served = placed(SNAPSHOT, {"l": "http://127.0.0.1:23456/v1", "gone": "http://127.0.0.1:1"})
    assert served.providers["l"].base_url == "http://127.0.0.1:23456/v1"
    assert served.providers["l"].keys == (f"${{{LOCAL_KEY}}}",)
    assert served.providers["r"] is REMOTE
    assert served.id == "0123"


def test_a_local_model_without_a_place_is_no_reason_not_to_serve() -> None:
    """Its attempts fail, and others answer."""
    assert placed(SNAPSHOT, {}).providers["l"].base_url.startswith("http://127.0.0.1:")


def test_only_secrets_that_are_referred_to_are_taken() -> None:
    """Masking would else hide every word that happens to stand in the environment."""
    values = {"KEY": "sk-1\n", "TEAM": "red", "providers.r.keys.1": "sk-2", "HOME": "elsewhere"}
    assert dict(secrets_for(SNAPSHOT, values)) == {
        "KEY": "sk-1",
        "TEAM": "red",
        "providers.r.keys.1": "sk-2",
    }


def test_a_secret_that_is_missing_is_named() -> None:
    """So that a person can set it."""
    with pytest.raises(KeyError, match="TEAM"):
        secrets_for(SNAPSHOT, {"KEY": "x", "providers.r.keys.1": "y"})


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        pytest.param({"gateway": Gateway(port=8600)}, "gateway.port = 8600 (was 8500)", id="port"),
        pytest.param({"gateway": Gateway(host="::1")}, "gateway.host = '::1' (was '127.0.0.1')", id="host"),
        pytest.param({"processes": Processes(workers=3)}, "processes.workers = 3 (was 0)", id="workers"),
        pytest.param({"processes": Processes(state_dir="/x")}, "processes.state_dir", id="state"),
    ],
)
def test_what_processes_can_not_change_while_they_run(changed: dict[str, object], named: str) -> None:
    """It is named with both values."""
    note = needs_restart(SNAPSHOT, replace(SNAPSHOT, **changed))  # type: ignore[arg-type]  # fields by name
    assert named in note
    assert "needs a restart" in note


def test_everything_else_can_be_changed() -> None:
    """Bounds of the gateway as well."""
    assert needs_restart(SNAPSHOT, replace(SNAPSHOT, gateway=Gateway(queue_max=5), providers={})) == ""
