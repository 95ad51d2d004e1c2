"""`halfopen keys` without a gateway. With one: tests/app/run/test_gateway_keys.py."""

import json
import time

import msgspec
import pytest
from typer.testing import CliRunner

from halfopen.app.processes import key_file
from halfopen.app.processes.folding import Folding
from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.outcome_rows import rows
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.cli import app
from halfopen.gateway.keyring import digest
from halfopen.model import Attempt, Outcome, Usage
from halfopen.model.gateway_key import Budget, Per
from halfopen.rollout import Configured, configure
from halfopen.seams.outcome_store import Batch
from halfopen.store.sqlite import SqliteOutcomes


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, ["keys", *arguments])


@pytest.fixture
def state(tmp_path):
    return StateDirectory(tmp_path / "home" / "halfopen" / "8500")


def test_a_key_is_the_only_thing_on_standard_output(call, state):
    """So that a script can keep it; everything else is said beside it."""
    made = call("create", "alice")
    assert made.exit_code == 0, made.output
    (secret,) = made.stdout.splitlines()
    assert [key.sha256 for key in key_file.load(state)] == [digest(secret)]
    assert "shown this once" in made.stderr
    assert "No gateway is running here; the next one knows it." in made.stderr


@pytest.mark.parametrize(
    ("options", "budget"),
    [
        ((), None),
        (("--requests", "5"), Budget(Per.MONTH, requests=5)),
        (("--tokens", "7", "--per", "day"), Budget(Per.DAY, tokens=7)),
        (
            ("--usd", "1.25", "--requests", "0", "--per", "hour"),
            Budget(Per.HOUR, requests=0, nusd=1_250_000_000),
        ),
    ],
    ids=["none", "requests", "tokens", "money and requests"],
)
def test_a_budget(call, state, options, budget):
    """Of a month, if nothing else is said; 0 is a budget."""
    made = json.loads(call("create", "alice", "--json", *options).stdout)
    assert key_file.load(state)[0].budget == budget
    assert (made["key"]["name"], made["running"], made["everywhere"]) == ("alice", False, True)


@pytest.mark.parametrize(
    "options",
    [
        ("a b",),
        ("",),
        ("-a",),
        ("x" * 65,),
        ("(others)",),
        ("alice", "--per", "day"),
        ("alice", "--per", "week", "--requests", "1"),
        ("alice", "--requests", "-1"),
        ("alice", "--usd", "nan"),
    ],
    ids=repr,
)
def test_wrong_usage_is_2_and_makes_nothing(call, state, options):
    """With the reason."""
    result = call("create", *options)
    assert result.exit_code == 2
    assert result.stderr
    assert not state.keys_path.exists()


def test_what_can_not_be_done_is_1(call, state):
    """A second key of a name, and a key that isn't there."""
    call("create", "alice")
    for arguments in (("create", "alice"), ("revoke", "bob"), ("rotate", "bob")):
        result = call(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "halfopen: " in result.stderr
    assert len(key_file.load(state)) == 1


def test_a_key_is_revoked_and_replaced(call, state):
    """Lists show the good ones, and the others if asked."""
    first = call("create", "alice").stdout.strip()
    second = call("rotate", "alice").stdout.strip()
    assert first != second
    assert [key["name"] for key in json.loads(call("list", "--json").stdout)["keys"]] == ["alice"]
    revoked = call("revoke", "alice")
    assert revoked.exit_code == 0
    assert revoked.stdout == "Revoked the key of alice. No gateway is running here; the next one knows it.\n"
    assert json.loads(call("list", "--json").stdout) == {"keys": []}
    assert "There are no keys" in call("list").stdout
    shown = json.loads(call("list", "--json", "--revoked").stdout)["keys"]
    assert [key["id"] for key in shown] == [first[3:15], second[3:15]]
    assert all(key["revoked_at"].endswith("+00:00") for key in shown)
    for secret in (first, second):
        assert secret[16:] not in call("list", "--revoked").stdout


def record_two(state):
    """Two requests of alice in the SQLite file."""
    outcome = Outcome(
        "r",
        "m",
        False,
        0.0,
        1.0,
        (Attempt("p/x", 0.0, 1.0),),
        (),
        "p/x",
        None,
        False,
        Usage(10, 5),
        caller="alice",
    )
    sent = msgspec.Raw(msgspec.msgpack.encode(rows([outcome] * 2, time.time())))
    kept, sums = Folding().fold(Outcomes(sent, 2, "s", 0))
    outcomes = SqliteOutcomes(state.outcomes_path)
    outcomes.open()
    outcomes.write([Batch("s", 0, kept, sums)])
    outcomes.close()


def test_what_was_spent_is_read_when_no_gateway_answers(call, state):
    """Of the window that is open now."""
    call("create", "alice", "--tokens", "100", "--per", "month")
    call("create", "bob")
    record_two(state)
    alice, bob = json.loads(call("list", "--json").stdout)["keys"]
    assert alice["spent"] == {"requests": 2, "tokens": 30, "usd": 0.0}
    assert bob["spent"] is None
    shown = call("list").stdout
    assert "100 tokens per month" in shown
    assert "2 requests, 30 tokens" in shown


@pytest.mark.parametrize(
    ("value", "spent"),
    [
        ("", {"requests": 2, "tokens": 30, "usd": 0.0}),
        (None, None),
        ("postgresql://127.0.0.1:1/none?connect_timeout=1", None),
    ],
    ids=["the file", "not known", "not reachable"],
)
def test_what_was_spent_is_read_from_the_configured_store(call, state, monkeypatch, value, spent):
    """A file that is there from before is not taken for it; what isn't known is not shown."""
    text = """
    [store]
    url = "${STORE}"
    [providers.p]
    dialect = "openai"
    key = "${KEY}"
    [routes.m]
    targets = ["p/m"]
    """
    configured = configure(text, {"STORE": "postgresql://127.0.0.1/h", "KEY": "k"})
    assert isinstance(configured, Configured), configured
    call("create", "alice", "--tokens", "100", "--per", "month")
    record_two(state)
    state.save(configured.snapshot)
    state.set_current(configured.snapshot.id, "start", 1.0)
    if value is None:
        monkeypatch.delenv("STORE", raising=False)
    else:
        monkeypatch.setenv("STORE", value)
    result = call("list", "--json")
    assert result.exit_code == 0
    (alice,) = json.loads(result.stdout)["keys"]
    assert alice["spent"] == spent


def test_keys_that_can_not_be_read_are_1(call, state):
    """And stay as they are."""
    state.open()
    state.keys_path.write_bytes(b"{")
    for arguments in (("list",), ("create", "alice"), ("revoke", "alice")):
        result = call(*arguments)
        assert result.exit_code == 1
        assert "is damaged" in result.stderr
    assert state.keys_path.read_bytes() == b"{"
