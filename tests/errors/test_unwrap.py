"""Layers of an error, one report each."""

import json
from typing import Any

import pytest

from halfopen.errors.report import MESSAGE_MAX_CHARS, Report
from halfopen.errors.unwrap import DEPTH_MAX, REPORTS_MAX, Unwrapper


def reports_of(error: object, whole: object = None, *, trust: bool = True) -> list[Report]:
    unwrapper = Unwrapper(trust_text=trust)
    unwrapper.error(("error", error), whole)
    return unwrapper.reports


def test_an_error_object_is_one_report() -> None:
    """Message, type, code, param, status, words and id of one object make one report."""
    error = {"message": "m", "type": "t", "code": "c", "param": "p", "status_code": 401, "request_id": "r"}
    assert reports_of(error) == [
        Report(
            "error",
            "m",
            type="t",
            code="c",
            param="p",
            status=401,
            words=(("error.type", "t"), ("error.code", "c")),
            request_id="r",
        )
    ]


def test_an_empty_object_is_no_report() -> None:
    """An object that says nothing leaves no report; one word, status or id is enough for one."""
    assert reports_of({}) == []
    assert reports_of({"unheard-of": "x"}) == []
    assert reports_of({"param": "p"}) == []
    assert reports_of({"reason": "R"}) == [Report("error", words=(("error.reason", "R"),))]
    assert reports_of({"http_status": 500}) == [Report("error", status=500)]
    assert reports_of({"request_id": "r"}) == [Report("error", request_id="r")]


@pytest.mark.parametrize("name", ["type", "code", "status", "reason", "error_code", "error_type", "__type"])
def test_each_field_of_an_identifier_is_read(name: str) -> None:
    """Identifiers are found wherever a provider puts them, with the name of the field."""
    (report,) = reports_of({name: "word"})
    assert report.words == ((f"error.{name}", "word"),)


@pytest.mark.parametrize(
    "name", ["message", "detail", "error_description", "error_message", "msg", "title", "raw"]
)
def test_each_field_of_a_message_is_read(name: str) -> None:
    """The sentence is found wherever a provider puts it."""
    assert reports_of({name: "words"})[0].message == "words"


def test_the_first_message_wins() -> None:
    """Of several sentences in one object, `message` is the one to show."""
    assert reports_of({"raw": "b", "title": "c", "message": "a"})[0].message == "a"
    assert reports_of({"title": "c", "message": ""})[0].message == "c"


@pytest.mark.parametrize(
    "name", ["status_code", "statusCode", "http_status", "status", "code", "upstreamStatus"]
)
@pytest.mark.parametrize(
    ("value", "status"),
    [
        pytest.param(503, 503, id="number"),
        pytest.param("503", 503, id="digits"),
        pytest.param(100, 100, id="least"),
        pytest.param(599, 599, id="greatest"),
        pytest.param(99, None, id="too-small"),
        pytest.param(600, None, id="too-large"),
        pytest.param("5030", None, id="four-digits"),
        pytest.param("x03", None, id="no-digits"),
        pytest.param("\u0665\u0660\u0663", None, id="arabic-digits"),
        pytest.param(True, None, id="true"),
        pytest.param(None, None, id="null"),
    ],
)
def test_each_field_of_a_status_is_read(name: str, value: object, status: int | None) -> None:
    """An HTTP status is found in any of its fields, as a number or as three digits."""
    assert reports_of({"message": "m", name: value})[0].status == status


def test_the_first_status_wins() -> None:
    """A field that can only be a status beats `code`."""
    assert reports_of({"code": 500, "status_code": 401})[0].status == 401
    assert reports_of({"status": "x", "code": 402})[0].status == 402


def test_a_status_may_stand_in_the_message() -> None:
    """Without a field of its own the message's status counts."""
    (report, *_) = reports_of({"message": "Error code: 401 - no"})
    assert (report.status, report.message) == (401, "Error code: 401 - no")
    assert reports_of({"message": "Error code: 401 - no", "status_code": 500})[0].status == 500


def test_a_wrappers_exceptions_are_words() -> None:
    """Exceptions before a message count as identifiers of the object."""
    (report,) = reports_of({"message": "litellm.AuthenticationError: no", "type": "t"})
    assert report.words == (
        ("error.type", "t"),
        ("exception in error.message", "AuthenticationError"),
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("word", "word", id="text"),
        pytest.param("", None, id="empty"),
        pytest.param(429, "429", id="number"),
        pytest.param(10**30, "1" + "0" * 19, id="huge-number"),
        pytest.param(False, None, id="false"),
        pytest.param(1.5, None, id="float"),
        pytest.param("x" * 300, "x" * 200, id="long"),
    ],
)
@pytest.mark.parametrize("name", ["type", "code", "param", "request_id"])
def test_fields_are_text(name: str, value: object, text: str | None) -> None:
    """A field is kept as text of a bounded length, or not at all."""
    assert getattr(reports_of({"message": "m", name: value})[0], name) == text


def test_a_status_word_is_a_type() -> None:
    """Google's `status` stands in for a missing type; a number does not."""
    assert reports_of({"status": "NOT_FOUND", "code": 404})[0].type == "NOT_FOUND"
    assert reports_of({"status": "NOT_FOUND", "type": "t"})[0].type == "t"
    assert reports_of({"message": "m", "status": 404})[0].type is None


CHILDREN = [
    "error",
    "errors",
    "detail",
    "details",
    "metadata",
    "raw",
    "innererror",
    "inner_error",
    "cause",
    "body",
    "response",
    "upstream",
    "upstream_error",
    "upstreamResponse",
    "provider_error",
    "original_error",
    "message",
]


@pytest.mark.parametrize("name", CHILDREN)
def test_an_error_is_found_in_each_wrapping(name: str) -> None:
    """Whatever a gateway calls the upstream's error, it is read, with its path."""
    assert Report(f"error.{name}", "m", words=((f"error.{name}.code", "c"),), code="c") in reports_of(
        {name: {"message": "m", "code": "c"}}
    )


@pytest.mark.parametrize("name", [name for name in CHILDREN if name != "details"])
def test_an_error_is_found_in_a_list(name: str) -> None:
    """A list of errors is read, eight of them; `details` has a reader of its own."""
    found = [r for r in reports_of({name: [{"code": f"c{n}"} for n in range(20)]}) if r.code]
    assert [r.code for r in found] == [f"c{n}" for n in range(8)]
    assert {r.path for r in found} == {f"error.{name}"}
    assert reports_of({"details": [{"code": "c"}]}) == []


@pytest.mark.parametrize("name", [name for name in CHILDREN if name != "message"])
def test_text_in_a_wrapping_is_read(name: str) -> None:
    """Text below another name is a layer of its own."""
    assert Report(f"error.{name}", "words") in reports_of({"message": "m", name: "words"})


def test_a_message_is_read_once() -> None:
    """The message is the object's; it is a layer of its own only with JSON in it."""
    assert reports_of({"message": "m"}) == [Report("error", "m")]
    assert reports_of({"detail": "m"}) == [Report("error", "m")]
    inner = json.dumps({"code": "c"})
    assert [r.path for r in reports_of({"message": inner})] == [
        "error",
        "error.message",
        "JSON in error.message",
    ]


def test_what_stands_beside_the_error_is_read() -> None:
    """Type, message or id beside `error` are a layer; structures and the word `error` are not."""
    whole = {"error": "x", "type": "error", "code": "c", "request_id": "r", "choices": ["m"], "n": 7}
    assert reports_of("x", whole) == [
        Report("error", "x"),
        Report("body", code="c", words=(("body.code", "c"),), request_id="r"),
    ]
    assert reports_of("x", {"type": "error"}) == [Report("error", "x")]
    whole = {"message": "m"}
    assert reports_of(whole, whole) == [Report("error", "m")]


def text_reports(text: str, *, trust: bool = True) -> list[Report]:
    unwrapper = Unwrapper(trust_text=trust)
    unwrapper.text(text, "body")
    return unwrapper.reports


def test_text_is_a_report() -> None:
    """Prose is a message; its exceptions and its status are said apart."""
    assert text_reports("words") == [Report("body", "words")]
    assert text_reports(" \n") == []
    assert text_reports("a.RateLimitError: Error code: 429 - slow") == [
        Report("body", "slow", status=429, words=(("exception in body", "RateLimitError"),))
    ]


def test_messages_are_bounded() -> None:
    """Of a message 2,000 characters are kept, wherever it stood."""
    assert MESSAGE_MAX_CHARS == 2000
    assert len(text_reports("x" * 5000)[0].message) == 2000
    assert len(reports_of({"message": "x" * 5000})[0].message) == 2000
    broken = "{'code': 'c', 'message': '" + "x" * 2000 + "'"
    assert len(text_reports(broken)[-1].message) == 2000


INNER: dict[str, Any] = {"code": "c", "message": "m"}
FOUND = Report("JSON in body", "m", code="c", words=(("JSON in body.code", "c"),))


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        pytest.param(json.dumps(INNER), None, id="all-of-it"),
        pytest.param("said: " + json.dumps(INNER), None, id="after-prose"),
        pytest.param(json.dumps(INNER) + " said it", None, id="before-prose"),
        pytest.param("x " + json.dumps(INNER) + " (end]", None, id="between"),
        pytest.param("said: " + json.dumps([INNER]), None, id="list"),
        pytest.param("said: " + json.dumps([INNER]) + " x", None, id="list-before-prose"),
        pytest.param("Error code: 401 - " + json.dumps(INNER), None, id="after-a-status"),
    ],
)
def test_json_in_text_is_read(text: str, rest: None) -> None:
    """JSON in a sentence is unwrapped, whatever stands around it."""
    expected = FOUND if "(end]" not in text else None
    if expected is not None:
        assert FOUND in text_reports(text)
    else:
        # What follows the object hides where it ends; its identifiers are still seen.
        assert [r.code for r in text_reports(text)][-1] == "c"


def test_text_that_quotes_is_not_believed() -> None:
    """Where a message may quote a user, an object counts only if all the text is one, or a wrapper says so."""
    assert FOUND not in text_reports("said: " + json.dumps(INNER), trust=False)
    assert FOUND in text_reports(json.dumps(INNER), trust=False)
    assert FOUND in text_reports("Error code: 401 - x " + json.dumps(INNER), trust=False)


def test_identifiers_of_broken_json_are_read() -> None:
    """A Python dict, or JSON that breaks off, still shows its type, code, status and message."""
    text = "said: {'error': {'message': 'no', 'type': 't', 'code': 'c', 'status': 401, 'reason': '999'"
    assert text_reports(text)[-1] == Report(
        "text in body",
        "no",
        type="t",
        code="c",
        status=401,
        words=(
            ("type inside body", "t"),
            ("code inside body", "c"),
            ("status inside body", "401"),
            ("reason inside body", "999"),
        ),
    )
    assert text_reports("said: {'code': 'abc'")[-1] == Report(
        "text in body", code="abc", words=(("code inside body", "abc"),)
    )
    assert text_reports("said: {'status': '100'")[-1].status == 100
    assert text_reports("said: {'status': '599'")[-1].status == 599
    assert text_reports("said: {'status': '600', 'code': '099'")[-1].status is None
    assert text_reports("said: {nothing") == [Report("body", "said: {nothing")]


def nested(depth: int) -> dict[str, Any]:
    body: dict[str, Any] = {"code": "innermost"}
    for _ in range(depth):
        body = {"cause": body}
    return body


@pytest.mark.parametrize(
    ("build", "path"),
    [
        pytest.param(nested, "error" + ".cause" * DEPTH_MAX, id="objects"),
        pytest.param(lambda d: [nested(d - 1)] if d else nested(0), "error" + ".cause" * 5, id="in-a-list"),
    ],
)
def test_depth_is_bounded(build: Any, path: str) -> None:
    """Six layers below the first are read, and the seventh is not."""
    assert DEPTH_MAX == 6
    assert [r.path for r in reports_of(build(DEPTH_MAX))] == [path]
    assert reports_of(build(DEPTH_MAX + 1)) == []


def test_strings_in_strings_are_bounded() -> None:
    """JSON in a string counts as a layer as well."""
    text = json.dumps({"code": "innermost"})
    for _ in range(10):
        text = json.dumps({"raw": text})
    assert all(report.code is None for report in text_reports(text))


def test_reports_are_bounded() -> None:
    """At most 24 layers are collected."""
    wide = {"errors": [{"errors": [{"code": "c"}] * 8, "code": "c"}] * 8}
    assert len(reports_of(wide)) == REPORTS_MAX == 24
    texts = {"errors": [{"errors": ["x"] * 8}] * 8}
    assert len(reports_of(texts)) == 24


def test_brackets_after_an_object_do_not_hide_it() -> None:
    """JSON ends with its last bracket, whatever follows; a list before an object is its beginning."""
    assert FOUND in text_reports("said: " + json.dumps(INNER) + " then")
    nested_lists = {"code": "c", "a": [1, [2]], "b": {"x": [3]}}
    (_, report) = text_reports("said: " + json.dumps(nested_lists) + " then")
    assert report.code == "c"
    (_, report) = text_reports("said: " + json.dumps([nested_lists, {"n": [1]}]) + " then")
    assert report.code == "c"
    assert text_reports("plain words without any")[0].path == "body"


def test_a_string_as_deep_as_the_bound_is_read() -> None:
    """The sixth layer below the first may be text, the seventh may not."""
    body: Any = "words"
    for _ in range(DEPTH_MAX):
        body = {"cause": body}
    assert [r.message for r in reports_of(body)] == ["words"]
    assert reports_of({"cause": body}) == []
