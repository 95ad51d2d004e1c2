"""`halfopen explain`."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from halfopen.cli.explain import explain
from halfopen.model import Kind

SECRET = "sk-proj-Zx81abcdefghijklmnopqrstuvwxyz0123456789ABCD"
MASKED_401 = {
    "status": 500,
    "headers": [["Content-Type", "application/json"], ["X-Request-Id", "req_9"]],
    "body": {
        "error": {
            "message": f"litellm.AuthenticationError: Incorrect API key provided: {SECRET}",
            "code": "500",
        }
    },
}


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    app = typer.Typer()
    app.command("explain")(explain)
    return CliRunner().invoke(app, list(arguments), input=stdin)


def as_json(*arguments: str, stdin: str | bytes = "") -> dict[str, object]:
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    value: dict[str, object] = json.loads(result.stdout)
    return value


@pytest.mark.parametrize(
    ("status", "kind", "verdict"),
    [
        pytest.param("500", "server_error", "retry", id="500"),
        pytest.param("502", "bad_gateway", "retry", id="502"),
        pytest.param("503", "unavailable", "retry", id="503"),
        pytest.param("504", "gateway_timeout", "retry", id="504"),
        pytest.param("401", "bad_key", "key", id="401"),
        pytest.param("429", "rate_limited", "throttle", id="429"),
        pytest.param("404", "model_not_found", "failover", id="404"),
        pytest.param("529", "overloaded", "failover", id="529"),
    ],
)
def test_a_bare_status(status: str, kind: str, verdict: str) -> None:
    """A number says what that status means in general."""
    value = as_json(status)
    assert (value["kind"], value["verdict"], value["masked"]) == (kind, verdict, False)
    assert value["remedy"]
    result = run(status)
    assert kind in result.stdout
    assert "What to do:" in result.stdout


def test_502_as_a_person_reads_it() -> None:
    """The meaning comes first and what to do last."""
    words = " ".join(run("502").stdout.split())
    assert words.startswith("bad_gateway A load balancer got a bad answer")
    assert "retry: the same upstream may well answer" in words
    assert words.endswith("then the provider's status page.")


@pytest.mark.parametrize("name", ["rate_limited", "RATE-LIMITED", "engine_dead"])
def test_a_kind(name: str) -> None:
    """A kind of fault is explained by its name."""
    assert as_json(name)["kind"] == name.lower().replace("-", "_")


def test_a_saved_response(tmp_path: Path) -> None:
    """A saved response is decoded, its mask named, and its secrets masked."""
    file = tmp_path / "response.json"
    file.write_text(json.dumps(MASKED_401))
    value = as_json(str(file))
    assert value["kind"] == "bad_key"
    assert (value["status"], value["effective_status"], value["masked"]) == (500, 401, True)
    assert value["request_id"] == "req_9"
    assert SECRET not in json.dumps(value)
    text = run(str(file)).stdout
    assert "500, which hides a 401" in text
    assert SECRET not in text


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({"Retry-After": "20"}, {"error": {"code": "rate_limit_exceeded"}}, id="objects"),
        pytest.param(
            {"Retry-After": ["20"]}, '{"error": {"code": "rate_limit_exceeded"}}', id="lists-and-text"
        ),
        pytest.param([["retry-after", "20"]], None, id="pairs-and-no-body"),
    ],
)
def test_forms_of_a_saved_response(headers: object, body: object) -> None:
    """Headers may be an object or pairs, the body an object or text; - reads standard input."""
    saved = json.dumps({"status": 429, "headers": headers, "body": body, "dialect": "openai"})
    value = as_json("-", stdin=saved)
    assert (value["kind"], value["delay_s"]) == ("rate_limited", 20.0)


def test_the_json_has_its_fields() -> None:
    """The fields that scripts rely on are there, in every case."""
    fields = {
        "kind",
        "verdict",
        "place",
        "status",
        "effective_status",
        "masked",
        "message",
        "remedy",
        "evidence",
        "delay_s",
    }
    assert fields <= as_json("502").keys()
    assert fields <= as_json("200").keys()
    assert (
        fields
        <= as_json("-", stdin='{"status": 200, "body": {"choices": [{"message": {"content": "x"}}]}}').keys()
    )


@pytest.mark.parametrize("newline", ["\r\n", "\n"], ids=["crlf", "lf"])
def test_http_as_curl_prints_it(newline: str) -> None:
    """The output of curl -i is read, interim and proxy responses before it included."""
    text = newline.join(
        [
            "HTTP/1.1 200 Connection established",
            "",
            "HTTP/1.1 100 Continue",
            "",
            "HTTP/2 529",
            "request-id: req_1",
            "",
            '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
        ]
    )
    value = as_json("-", stdin=text)
    assert (value["kind"], value["status"], value["request_id"]) == ("overloaded", 529, "req_1")


def test_an_error_body_alone() -> None:
    """A bare error object is explained without a status."""
    value = as_json("-", stdin='{"error": {"code": "insufficient_quota", "message": "m"}}')
    assert (value["kind"], value["status"]) == ("quota_exhausted", None)


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        pytest.param(("200",), "", id="status"),
        pytest.param(
            ("-",), '{"status": 200, "body": {"choices": [{"message": {"content": "x"}}]}}', id="response"
        ),
    ],
)
def test_nothing_wrong(arguments: tuple[str, ...], stdin: str) -> None:
    """A good reply is said to be good, and that is no failure of the command."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0
    assert "no failure by itself" in result.stdout or "Nothing is wrong" in result.stdout
    assert as_json(*arguments, stdin=stdin)["kind"] is None


@pytest.mark.parametrize(
    ("argument", "stdin", "words"),
    [
        pytest.param("9999", "", "9999 is no HTTP status", id="number"),
        pytest.param("rate_limitd", "", "Did you mean rate_limited?", id="misspelt-kind"),
        pytest.param("/", "", "can't read /", id="directory"),
        pytest.param("-", "", "standard input is empty", id="empty"),
        pytest.param("-", "oops", "line 1, column 1", id="neither-http-nor-json"),
        pytest.param("-", '{"status": 5', "column 13", id="broken-json"),
        pytest.param("-", "[1]", "must hold a JSON object", id="not-an-object"),
        pytest.param("-", '{"status": "x"}', 'status must be a number such as 502, not "x"', id="status"),
        pytest.param("-", '{"status": 500, "headers": 3}', "headers must be", id="headers"),
        pytest.param("-", '{"status": 500, "headers": [["a"]]}', "headers[0] must be a pair", id="header"),
        pytest.param("-", '{"status": 500, "dialect": "klingon"}', "dialect must be one of", id="dialect"),
        pytest.param("-", "HTTP/1.1\n\nx", "which has no status", id="no-status-line"),
        pytest.param("-", b'{"status": 500, "body": "\xff"}', "not readable JSON", id="not-utf-8"),
    ],
)
def test_what_can_not_be_read(argument: str, stdin: str | bytes, words: str) -> None:
    """Unreadable input gives one line that says what, where and what to do, and status 2."""
    result = run(argument, stdin=stdin)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


def test_a_terminal_is_not_steered() -> None:
    """Escape sequences in an upstream's words are not printed."""
    saved = json.dumps({"status": 500, "body": {"error": {"message": "\x1b[2Jgone\x07"}}})
    assert "\x1b" not in run("-", stdin=saved).stdout


def test_help_says_what_the_exit_status_means() -> None:
    """--help documents the exit status."""
    words = " ".join(run("--help").output.split())
    assert "Exit status: 0 explained, 2" in words


def test_every_kind_can_be_explained() -> None:
    """No kind breaks the printing."""
    for kind in Kind:
        assert kind.value in run(kind.value).stdout
