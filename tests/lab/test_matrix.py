"""The whole table: every fault, plain and streamed, through the gateway with the official client."""

import asyncio
import itertools
import json

import msgspec
import pytest
import uvloop
from typer.testing import CliRunner

from halfopen.cli import lab_matrix
from halfopen.cli.lab import app
from halfopen.lab import LabProvider, Phase, faults
from halfopen.lab.fault import ALL_DIALECTS, BOTH_MODES
from halfopen.lab.matrix import Result, gateway_subject, plan, run_table, totals
from halfopen.lab.matrix.case import BACKUPS
from halfopen.lab.matrix.direct import fault_to_return

CASES = plan(faults.every())
SHARES = 2
GROUPS = [
    pytest.param(mode, primary, share, id=f"{mode}-{primary}-{share + 1}")
    for mode, primary, share in itertools.product(BOTH_MODES, ALL_DIALECTS, range(SHARES))
]
REQUEST_IS_AT_FAULT = {
    "anthropic_400_invalid_request",
    "anthropic_400_prompt_too_long",
    "anthropic_413_request_too_large",
    "azure_400_content_filter",
    "gemini_400_invalid_argument",
    "llamacpp_400_context_size",
    "openai_400_context_length_exceeded",
    "openai_400_invalid_request",
    "openai_422_unprocessable",
}
"""Written down here as well, so that a decoder that blames the request can't excuse an error."""


def cases_of(mode, primary, share=None):
    cases = [case for case in CASES if (case.mode, case.primary) == (mode, primary)]
    return cases if share is None else cases[share::SHARES]


@pytest.mark.parametrize(("mode", "primary", "share"), GROUPS)
def test_no_fault_becomes_a_wrong_answer_or_a_needless_error(mode, primary, share):
    """No row of the table fails, and none is void."""
    cases = cases_of(mode, primary, share)
    rows = uvloop.run(run_table(cases))
    assert len(rows) == len(cases)
    bad = [row for row in rows if row.result not in (Result.PASS, Result.SAFE)]
    assert not bad, "\n" + "\n".join(
        f"{row.fault} {row.mode} {row.primary}→{row.backup}: {row.result}: {row.why}" for row in bad
    )
    safe = {(row.mode, row.phase) for row in rows if row.result is Result.SAFE}
    assert safe <= {("stream", Phase.AFTER_CONTENT)}


def test_every_fault_mode_and_dialect_has_its_row():
    """Nothing of the registry is left out, and no row is there twice."""
    expected = [
        (fault.name, mode, dialect)
        for fault in faults.every()
        for mode in fault.modes
        for dialect in fault.dialects
    ]
    assert [(case.fault.name, case.mode, case.primary) for case in CASES] == expected
    assert len({case.name for case in CASES}) == len(CASES) > 500
    groups = [cases_of(*group.values) for group in GROUPS]
    assert sum(map(len, groups)) == len(CASES)


def test_the_backup_is_of_another_dialect():
    """Each dialect is rescued by another, and each has to rescue."""
    assert all(primary != backup for primary, backup in BACKUPS.items())
    assert set(BACKUPS) == set(BACKUPS.values()) == set(ALL_DIALECTS)


def test_only_a_known_few_faults_are_the_request_s_own():
    """The error of these and no others may come back to the client before the content."""

    first = [case for case in CASES if case.primary == case.fault.dialects[0]]

    async def blamed():
        faults = await asyncio.gather(*(fault_to_return(case, "hello") for case in first))
        return {case.fault.name for case, fault in zip(first, faults, strict=True) if fault is not None}

    assert uvloop.run(blamed()) == REQUEST_IS_AT_FAULT


def test_rows_share_no_state():
    """Six times the same case gives six times the same row: no breaker remembers the rows before."""
    (case,) = plan(faults.every(), "openai_500_server_error/plain/openai")
    rows = uvloop.run(run_table([case] * 6, subject=gateway_subject, jobs=1))
    assert {(row.result, row.primary_calls, row.backup_calls) for row in rows} == {(Result.PASS, 1, 1)}


def run_cli(*arguments):
    return CliRunner().invoke(app, ["matrix", *arguments])


def test_the_json_has_totals_and_rows():
    """`--json` prints the totals and one object a row, and nothing else on standard output."""
    result = run_cli("--json", "--only", "openai_50*", "--jobs", "2")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert list(data) == ["totals", "rows"]
    assert data["totals"] == {"pass": 4, "safe": 0, "fail": 0}
    assert list(data["rows"][0]) == [
        "fault",
        "mode",
        "primary",
        "backup",
        "phase",
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


def test_the_table_names_the_number_of_rows():
    """People get a table, the totals and how many rows there were."""
    result = run_cli("--only", "stream_cut_after_content")
    assert result.exit_code == 0, result.output
    assert "3 rows: 0 pass, 3 safe, 0 fail" in result.stdout
    assert "stream_cut_after_content" in result.stdout


def test_a_failing_row_gives_status_1_and_its_reason(monkeypatch):
    """A row that fails is explained, comes first and fails the command."""

    class Unmet(LabProvider):
        def set_fault(self, name, **options):
            """Stay healthy."""

    monkeypatch.setattr("halfopen.lab.matrix.run.LabProvider", Unmet)
    result = run_cli("--only", "openai_500_server_error/plain/*")
    assert result.exit_code == 1
    assert "void" in result.stdout
    assert "the fault never happened" in result.stdout
    result = run_cli("--json", "--only", "openai_500_server_error/plain/*")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert data["totals"] == {"pass": 0, "safe": 0, "fail": 1}
    assert data["rows"][0]["result"] == "void"


def test_a_pattern_without_a_match_is_wrong_usage():
    """An empty table never looks like success."""
    result = run_cli("--only", "no_such_fault")
    assert result.exit_code == 2
    assert "no_such_fault" in result.stderr


def test_without_the_client_it_says_what_to_install(monkeypatch):
    """Where openai is not installed, the way to get it is named."""
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    for name in [name for name in __import__("sys").modules if name.startswith("halfopen.lab.matrix")]:
        monkeypatch.delitem(__import__("sys").modules, name)
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
    row = uvloop.run(run_table(plan(faults.every(), "http_500_text/plain/gemini")))[0]
    assert msgspec.json.decode(msgspec.json.encode(row))["result"] == "pass"
    assert totals([row]).shown() == {"pass": 1, "safe": 0, "fail": 0}
