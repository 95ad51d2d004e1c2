"""The table: every client, provider, fault and point of failure, through the gateway."""

import asyncio
import json
import re

import msgspec
import pytest
import uvloop
from typer.testing import CliRunner

from halfopen.cli import lab_matrix
from halfopen.cli.lab import app
from halfopen.lab import LabProvider, Phase, faults
from halfopen.lab.fault import ALL_DIALECTS
from halfopen.lab.matrix import Result, gateway_subject, plan, run_table, sample, totals
from halfopen.lab.matrix.case import BACKUPS
from halfopen.lab.matrix.direct import fault_to_return
from halfopen.lab.matrix.seen import CLIENTS, EMBEDDINGS

CASES = plan(faults.every())
SAMPLE = sample(CASES, 600, seed=0)
"""What this suite plays; `make matrix` plays them all."""
ALL_CLIENTS = (*CLIENTS, EMBEDDINGS)
REQUEST_IS_AT_FAULT = {
    "anthropic_400_invalid_request",
    "anthropic_413_request_too_large",
    "azure_400_content_filter",
    "gemini_400_invalid_argument",
    "openai_400_invalid_request",
    "openai_422_unprocessable",
}
"""Written down here as well, so that a decoder that blames the request can't excuse an error."""


@pytest.mark.parametrize("client", ALL_CLIENTS)
def test_no_fault_becomes_a_wrong_answer_or_a_needless_error(client):
    """No row of the sample fails, and none is void."""
    cases = [case for case in SAMPLE if case.client == client]
    rows = uvloop.run(run_table(cases))
    assert len(rows) == len(cases) > 10
    bad = [row for row in rows if row.result not in (Result.PASS, Result.SAFE)]
    assert not bad, "\n" + "\n".join(
        f"{row.result} {row.fault}/{row.mode}/{row.primary}/{row.client}/{row.point}: {row.why}"
        for row in bad
    )
    ended = {row.point.partition("+")[2] for row in rows if row.result is Result.SAFE}
    assert ended <= {"error", "choices"}


def test_every_fault_mode_provider_and_client_has_its_row():
    """Nothing of the registry is left out, and no row is there twice."""
    expected = {
        (fault.name, mode, dialect, client)
        for fault in faults.every()
        for mode in fault.modes
        for dialect in fault.dialects
        for client in ALL_CLIENTS
        if client != EMBEDDINGS or (mode == "plain" and dialect != "anthropic")
    }
    assert {(case.fault.name, case.mode, case.primary, case.client) for case in CASES} == expected
    assert len({case.name for case in CASES}) == len(CASES) > 7000


PLACED = {"after_headers", "after_content", "finish", *(f"event:{number}" for number in range(1, 20))}
CALLED = {"in_call", "call:1", "call:2"}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("primary", ALL_DIALECTS)
def test_a_stream_breaks_at_every_point(client, primary):
    """Every client meets each way to break off at each of the first 20 events, in a call and at the finish."""
    broken = [
        fault for fault in faults.every() if fault.phase is Phase.AFTER_CONTENT and fault.modes == ("stream",)
    ]
    assert len(broken) == 12
    for fault in broken:
        if primary not in fault.dialects:
            continue
        points = {
            case.point
            for case in CASES
            if (case.fault, case.client, case.primary, case.mode) == (fault, client, primary, "stream")
            and case.after_commit == "continue"
        }
        drips = fault.name == "stream_drip_after_content"  # needs something to say
        assert points >= PLACED - ({"finish"} if drips else set())
        assert client == "completions" or points >= CALLED or (drips and primary == "gemini")


@pytest.mark.parametrize(
    ("only", "size"),
    [
        pytest.param("http_500_text", 32, id="a-fault"),
        pytest.param("http_500_text/plain", 17, id="in-a-mode"),
        pytest.param("http_500_text/*/*/messages", 6, id="of-a-client"),
        pytest.param("stream_cut_*/*/openai/generate/event:7", 1, id="at-a-point"),
        pytest.param("*/stream/gemini/responses/in_call", 9, id="in-a-call"),
    ],
)
def test_a_pattern_takes_a_row_s_name_or_its_beginning(only, size):
    """`--only` matches fault/mode/primary/client/point, or what stands before a slash of it."""
    assert len(plan(faults.every(), only)) == size


def test_the_backup_is_of_another_dialect():
    """Each dialect is rescued by another, and each has to rescue."""
    assert all(primary != backup for primary, backup in BACKUPS.items())
    assert set(BACKUPS) == set(BACKUPS.values()) == set(ALL_DIALECTS)


def test_only_a_known_few_faults_are_the_request_s_own():
    """The error of these and no others may come back to the client before the content."""

    wanted = [(fault.name, fault.modes[0], fault.dialects[0]) for fault in faults.every()]
    first = [
        case
        for case in CASES
        if (*case.name.split("/")[:3], case.client) in {(*each, "chat") for each in wanted}
    ]
    first = [case for case in first if not case.is_inside]

    async def blamed():
        faults = await asyncio.gather(*(fault_to_return(case, "hello") for case in first))
        return {case.fault.name for case, fault in zip(first, faults, strict=True) if fault is not None}

    assert uvloop.run(blamed()) == REQUEST_IS_AT_FAULT


def test_rows_share_no_state():
    """Six times the same case gives six times the same row: no breaker remembers the rows before."""
    (case,) = plan(faults.every(), "openai_500_server_error/plain/openai/chat")
    rows = uvloop.run(run_table([case] * 6, subject=gateway_subject, jobs=1))
    assert {(row.result, row.primary_calls, row.backup_calls) for row in rows} == {(Result.PASS, 1, 1)}


def run_cli(*arguments):
    return CliRunner().invoke(app, ["matrix", *arguments])


def test_the_json_has_totals_and_rows():
    """`--json` prints the totals and one object a row, and nothing else on standard output."""
    result = run_cli("--json", "--only", "openai_50*/*/*/messages", "--jobs", "2")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert list(data) == ["totals", "clients", "primaries", "points", "rows"]
    counts = {"rows": 4, "pass": 4, "safe": 0, "fail": 0, "void": 0, "fail_rate_95": [0.0, 0.48989]}
    assert data["totals"] == counts
    assert data["clients"] == {"messages": counts}
    assert data["primaries"] == {"openai": counts}
    assert data["points"] == {"before_headers": counts}
    assert list(data["rows"][0]) == [
        "fault",
        "mode",
        "primary",
        "backup",
        "phase",
        "client",
        "point",
        "result",
        "why",
        "status",
        "error",
        "served_by",
        "primary_calls",
        "backup_calls",
        "client_requests",
        "duration_s",
    ]
    assert {row["result"] for row in data["rows"]} == {"pass"}


def test_the_table_sums_up_and_names_the_number_of_rows():
    """People get a line for each client and provider, the totals and how many rows there were."""
    result = run_cli("--only", "stream_cut_after_content/*/*/*/event:6+error")
    assert result.exit_code == 0, result.output
    assert "15 rows: 0 pass, 15 safe, 0 fail (0 of them void)" in result.stdout
    for client in CLIENTS:
        assert re.search(rf"^ {client} +gemini +1 safe +1 safe", result.stdout, re.MULTILINE)
    assert "stream_cut_after_content/stream" in result.stdout  # among the slowest


def test_a_sample_is_played_instead_of_the_table():
    """`--sample` takes a part, the same for the same seed."""
    names = []
    for seed in ("1", "1", "2"):
        result = run_cli("--json", "--only", "http_50*/plain", "--sample", "12", "--seed", seed)
        assert result.exit_code == 0, result.output
        rows = json.loads(result.stdout)["rows"]
        names.append([(row["fault"], row["primary"], row["client"]) for row in rows])
    assert names[0] == names[1] != names[2]


def test_a_failing_row_gives_status_1_and_its_reason(monkeypatch):
    """A row that fails is explained, comes first and fails the command."""

    class Unmet(LabProvider):
        def set_fault(self, name, **options):
            """Stay healthy."""

    monkeypatch.setattr("halfopen.lab.matrix.run.LabProvider", Unmet)
    result = run_cli("--only", "openai_500_server_error/plain/*/chat")
    assert result.exit_code == 1
    assert "void openai_500_server_error/plain/openai/chat/before_headers" in result.stdout
    assert "the fault never happened" in result.stdout
    result = run_cli("--json", "--only", "openai_500_server_error/plain/*/chat")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert (data["totals"]["fail"], data["totals"]["void"]) == (1, 1)
    assert data["rows"][0]["result"] == "void"


def test_a_pattern_without_a_match_is_wrong_usage():
    """An empty table never looks like success."""
    result = run_cli("--only", "no_such_fault")
    assert result.exit_code == 2
    assert "no_such_fault" in result.stderr


def test_without_the_client_it_says_what_to_install(monkeypatch):
    """Where openai is not installed, the way to get it is named."""
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    result = run_cli()
    assert result.exit_code == 1
    assert "pip install 'halfopen[lab]'" in result.stderr


def test_the_help_tells_times_and_exit_statuses():
    """The bounds of the judged route and the meaning of the exit statuses are in the help."""
    text = run_cli("--help").stdout
    assert "Exit status: 0" in text
    assert all(word in " ".join(text.split()) for word in ("deadline 8 s", "first token 1.5 s", "void"))
    assert lab_matrix.matrix.__doc__


def test_rows_encode_as_they_are():
    """A row is plain data."""
    row = uvloop.run(run_table(plan(faults.every(), "http_500_text/plain/gemini/generate")))[0]
    assert msgspec.json.decode(msgspec.json.encode(row))["result"] == "pass"
    assert totals([row]).shown()["pass"] == 1
