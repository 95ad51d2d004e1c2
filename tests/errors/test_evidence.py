"""Evidence: the facts that led to a kind, most telling first, and what is shown with it."""

from collections.abc import Callable

import pytest

from halfopen import errors
from halfopen.errors.anthropic import read_anthropic
from halfopen.errors.conclude import request_id
from halfopen.errors.finding import Finding, Weight
from halfopen.errors.gemini import read_gemini
from halfopen.errors.judge import heaviest, read_report
from halfopen.errors.report import Report
from halfopen.errors.transport import read_transport
from halfopen.model import Fault, Kind, Place, Reply, TransportError, Verdict


def test_the_fact_that_decided_comes_first(fault_of: Callable[..., Fault]) -> None:
    """Then follow the others, each once, outermost first, and the header that asked to wait."""
    body = {"error": {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit_exceeded"}}
    headers = (("Retry-After", "7"), ("Retry-After-Ms", "7000"), ("x-should-retry", "true"))
    assert fault_of(500, body, headers).evidence == (
        "error.code = rate_limit_exceeded",
        "status 500",
        "error.type = tokens",
        'error says "rate limit reached"',
        "retry-after-ms: 7000",
        "retry-after: 7",
    )


def test_a_server_that_forbids_retries_is_quoted(fault_of: Callable[..., Fault]) -> None:
    """`x-should-retry: false` is evidence where it changed the verdict, in any case, and else is not."""
    for value in ("false", " FALSE "):
        fault = fault_of(500, b"", (("x-should-retry", value),))
        assert (fault.verdict, fault.evidence) == (Verdict.FAILOVER, ("status 500", "x-should-retry: false"))
    assert fault_of(500, b"", (("x-should-retry", "true"),)).evidence == ("status 500",)
    assert fault_of(401, b"", (("x-should-retry", "false"),)).evidence == ("status 401",)


def test_evidence_is_bounded(fault_of: Callable[..., Fault]) -> None:
    """At most eight facts of 300 characters each."""
    body = {"errors": [{"code": f"{'y' * 500}", "type": "tokens", "status": 400 + n} for n in range(12)]}
    assert len(fault_of(500, body).evidence) == 8
    long = fault_of(429, b"", (("retry-after", "9" * 400),)).evidence[-1]
    assert long == ("retry-after: " + "9" * 400)[:300]


def test_a_wait_that_is_not_heeded_is_said_to_be_ignored(fault_of: Callable[..., Fault]) -> None:
    """A useless header is quoted as ignored."""
    assert fault_of(429, b"", (("retry-after", "soon"),)).evidence[-1] == "retry-after: soon (ignored)"
    assert fault_of(429, b"", (("retry-after-ms", "-1"),)).evidence[-1] == "retry-after-ms: -1 (ignored)"


@pytest.mark.parametrize(
    "name", ["x-request-id", "request-id", "apim-request-id", "x-ms-request-id", "x-goog-request-id"]
)
def test_each_header_of_a_request_id_is_read(name: str) -> None:
    """The provider's id comes from any of its headers, stripped and bounded, before the body's."""
    reports = [Report("error"), Report("error", request_id="body"), Report("error", request_id="other")]
    assert request_id({name: f" {'i' * 300}"}, reports) == "i" * 200
    assert request_id({name: " "}, reports) == "body"
    assert request_id({}, [Report("error")]) is None


def test_the_first_header_of_a_request_id_wins() -> None:
    """x-request-id is the one to show to a provider's support."""
    assert request_id({"request-id": "b", "x-request-id": "a"}, []) == "a"


def test_what_is_shown_comes_from_the_report_that_decided(fault_of: Callable[..., Fault]) -> None:
    """Message, type, code and param are the deciding layer's; what it lacks comes from the others."""
    body = {
        "message": "outer",
        "param": "p",
        "error": {"message": "inner", "code": "invalid_api_key"},
    }
    fault = fault_of(500, body)
    assert (fault.message, fault.code, fault.type, fault.param) == ("inner", "invalid_api_key", None, "p")
    silent = {"message": "outer", "error": {"code": "invalid_api_key"}}
    assert fault_of(500, silent).message == "outer"
    undecided = {"error": {"type": "x"}, "message": "words"}
    assert (fault_of(500, undecided).message, fault_of(500, undecided).type) == ("words", "x")
    assert fault_of(500, {"error": {"type": "x"}}).message == errors.TAXONOMY[Kind.SERVER_ERROR].meaning
    assert fault_of(500, {"error": {"code": "y" * 300}}).code == "y" * 200


def test_a_router_is_not_blamed_for_its_upstream(fault_of: Callable[..., Fault]) -> None:
    """A refused key or an empty account behind a router lies with the provider, and fails over."""
    for type_, kind in (("authentication_error", Kind.BAD_KEY), ("insufficient_quota", Kind.QUOTA_EXHAUSTED)):
        body = {"error": {"message": "m", "metadata": {"raw": {"error": {"type": type_}}}}}
        fault = fault_of(502, body)
        assert (fault.kind, fault.verdict, fault.place) == (kind, Verdict.FAILOVER, Place.PROVIDER)
    own = {"error": {"message": "m", "metadata": {"raw": {"error": {"type": "rate_limit_error"}}}}}
    assert fault_of(502, own).verdict is Verdict.THROTTLE
    other = {"error": {"message": "m", "metadata": {"body": {"error": {"type": "authentication_error"}}}}}
    assert fault_of(502, other).verdict is Verdict.KEY


@pytest.mark.parametrize(
    ("status", "effective"),
    [
        pytest.param(400, 400, id="400"),
        pytest.param(418, 418, id="418"),
        pytest.param(599, 599, id="599"),
        pytest.param(555, 555, id="555"),
        pytest.param(399, 502, id="a-redirect-deserves-another"),
        pytest.param(600, 502, id="no-status-of-http"),
        pytest.param(None, 502, id="none"),
    ],
)
def test_a_status_that_nothing_contradicts_is_deserved(
    fault_of: Callable[..., Fault], status: int | None, effective: int
) -> None:
    """Where the status alone decided, a failed one is what the fault deserves."""
    assert fault_of(status).effective_status == effective


def test_of_equal_findings_the_last_wins() -> None:
    """The innermost layer knows best; without findings there is none."""
    first, last = Finding(Kind.BAD_KEY, Weight.TYPE, "a"), Finding(Kind.FORBIDDEN, Weight.TYPE, "b")
    light = Finding(Kind.UNKNOWN, Weight.STATUS)
    assert heaviest([(first, None), (last, None), (light, None)]) == (last, None)
    assert heaviest([]) is None


def test_a_finding_says_no_more_than_it_knows() -> None:
    """What a finding does not name is the kind's own."""
    finding = Finding(Kind.BAD_KEY, Weight.TYPE)
    assert (finding.fact, finding.verdict, finding.place, finding.retries_max) == ("", None, None, None)


def test_a_report_says_no_more_than_it_knows() -> None:
    """What a report lacks is absent, not empty."""
    report = Report("error")
    assert (report.message, report.type, report.code, report.param, report.status) == (
        "",
        None,
        None,
        None,
        None,
    )
    assert (report.words, report.delay_s, report.quota_ids, report.request_id) == ((), None, (), None)
    assert Report("error", words=(("a", "WORD"),)).has_word("other", "word")
    assert not Report("error", words=(("a", "WORD"),)).has_word("a")


@pytest.mark.parametrize(
    ("report", "finding"),
    [
        pytest.param(
            Report("error", status=400),
            Finding(Kind.INVALID_REQUEST, Weight.STATUS, "status in error 400"),
            id="failed-status",
        ),
        pytest.param(Report("error", status=399), None, id="no-failure"),
        pytest.param(
            Report("error", "We are in Maintenance"),
            Finding(Kind.MAINTENANCE, Weight.STATUS, 'error says "maintenance"'),
            id="maintenance",
        ),
        pytest.param(
            Report("error", "maintenance", status=499),
            Finding(Kind.CANCELLED, Weight.PLAIN_STATUS, "status in error 499"),
            id="maintenance-below-500",
        ),
        pytest.param(
            Report("error", "litellm.APIError:  Loading model"),
            Finding(Kind.MODEL_LOADING, Weight.CODE, 'error says "loading model"'),
            id="sentence-behind-a-wrapper",
        ),
    ],
)
def test_what_one_layer_says(report: Report, finding: Finding | None) -> None:
    """Status, words and sentences of a layer are findings, and their facts name its place."""
    assert read_report(report) == ([] if finding is None else [finding])


def test_maintenance_is_told_from_500_on() -> None:
    """A layer with a status of a server's failure may be in maintenance."""
    for status in (500, 503):
        facts = [finding.fact for finding in read_report(Report("error", "maintenance", status=status))]
        assert facts == [f"status in error {status}", 'error says "maintenance"']


def test_googles_sentence_is_not_openais() -> None:
    """Where Google uses OpenAI's sentence for a quota, its shape or its address tells them apart."""
    words = "You exceeded your current quota"
    assert [f.kind for f in read_report(Report("error", words))] == [Kind.QUOTA_EXHAUSTED]
    assert read_report(Report("error", f"{words}: see https://ai.google.dev/x")) == []
    exhausted = Report("error", words, words=(("error.status", "RESOURCE_EXHAUSTED"),))
    assert [f.kind for f in read_report(exhausted)] == [Kind.RATE_LIMITED]


EXHAUSTED = (("error.status", "RESOURCE_EXHAUSTED"),)
CREDIT_WORDS = (
    "credits are depleted",
    "credits depleted",
    "prepayment credits",
    "insufficient credit",
    "out of credits",
    "spending cap",
    "spend cap",
    "spend limit",
)


@pytest.mark.parametrize(
    ("report", "finding"),
    [
        *(
            pytest.param(
                Report("error", f"x {words} x", words=EXHAUSTED, delay_s=3.0),
                Finding(Kind.QUOTA_EXHAUSTED, Weight.CREDIT, f'RESOURCE_EXHAUSTED says "{words}"'),
                id=words.replace(" ", "-"),
            )
            for words in CREDIT_WORDS
        ),
        pytest.param(
            Report("error", words=(*EXHAUSTED, ("r", "BILLING_DISABLED")), delay_s=3.0),
            Finding(Kind.QUOTA_EXHAUSTED, Weight.CREDIT, "reason BILLING_DISABLED"),
            id="billing-disabled",
        ),
        pytest.param(
            Report("error", words=EXHAUSTED, delay_s=3.5, quota_ids=("XPerDay",)),
            Finding(Kind.RATE_LIMITED, Weight.CODE, "RESOURCE_EXHAUSTED with RetryInfo of 3.5 s"),
            id="retry-info",
        ),
        pytest.param(
            Report("error", words=EXHAUSTED, delay_s=0.0),
            Finding(Kind.RATE_LIMITED, Weight.CODE, "RESOURCE_EXHAUSTED with RetryInfo of 0 s"),
            id="retry-info-of-zero",
        ),
        pytest.param(
            Report("error", words=(*EXHAUSTED, ("r", "MODEL_CAPACITY_EXHAUSTED")), delay_s=3.0),
            Finding(Kind.OVERLOADED, Weight.CODE, "RESOURCE_EXHAUSTED with RetryInfo of 3 s"),
            id="capacity",
        ),
        pytest.param(
            Report("error", words=EXHAUSTED, quota_ids=("XPerMinute", "XPerDay-y")),
            Finding(Kind.QUOTA_EXHAUSTED, Weight.CODE, "quotaId = XPerDay-y, and no RetryInfo"),
            id="daily-quota",
        ),
        pytest.param(
            Report("error", "per day", words=EXHAUSTED, quota_ids=("XPerMinute", "Y")),
            Finding(Kind.RATE_LIMITED, Weight.CODE, "quotaId = XPerMinute"),
            id="minute-quota",
        ),
        pytest.param(
            Report("error", "requests per day", words=EXHAUSTED),
            Finding(Kind.QUOTA_EXHAUSTED, Weight.TYPE, 'RESOURCE_EXHAUSTED says "per day"'),
            id="daily-by-prose",
        ),
        pytest.param(
            Report("error", words=EXHAUSTED),
            Finding(Kind.RATE_LIMITED, Weight.TYPE, "error.status = RESOURCE_EXHAUSTED"),
            id="bare",
        ),
        pytest.param(
            Report("error", "enable billing first", words=(("s", "FAILED_PRECONDITION"),)),
            Finding(Kind.QUOTA_EXHAUSTED, Weight.CREDIT, "FAILED_PRECONDITION asks for billing"),
            id="precondition-billing",
        ),
        *(
            pytest.param(
                Report("error", f"your {word} is not supported", words=(("s", "FAILED_PRECONDITION"),)),
                Finding(Kind.REGION_BLOCKED, Weight.CODE, "FAILED_PRECONDITION names the location"),
                id=f"precondition-{word}",
            )
            for word in ("location", "country", "region")
        ),
        pytest.param(
            Report("error", "x", words=(("s", "FAILED_PRECONDITION"),)), None, id="precondition-other"
        ),
        pytest.param(Report("error", "billing per day"), None, id="not-googles"),
    ],
)
def test_what_google_takes_more_than_one_word_to_say(report: Report, finding: Finding | None) -> None:
    """Credit beats RetryInfo, RetryInfo beats the quota's name, and that beats prose; each is quoted."""
    assert read_gemini(report, report.message) == ([] if finding is None else [finding])


def test_what_a_transport_error_says() -> None:
    """The error and its detail are the fact, which nothing outweighs."""
    assert read_transport(TransportError.RESET, "") == Finding(
        Kind.CONNECTION_RESET, Weight.CREDIT, "transport error reset"
    )
    assert read_transport(TransportError.DNS, "TEMPORARY " + "x" * 300) == Finding(
        Kind.DNS_FAILED,
        Weight.CREDIT,
        "transport error dns: TEMPORARY " + "x" * 190,
        verdict=Verdict.RETRY,
        retries_max=1,
    )
    assert read_transport(TransportError.RESET, "temporary").verdict is None


def decode(reply: Reply) -> Fault:
    fault = errors.decode(reply)
    assert fault is not None
    return fault


def test_a_transport_fault_is_whole() -> None:
    """Its message joins our meaning and the detail; status, request id and body are kept."""
    reply = Reply(200, (("X-Request-Id", "r"),), b"part", TransportError.CUT, "eof " + "x" * 600)
    fault = decode(reply)
    meaning = errors.TAXONOMY[Kind.CUT_BODY].meaning
    assert fault.message == f"{meaning.removesuffix('.')}: {('eof ' + 'x' * 600)[:500]}"
    assert "..:" not in fault.message
    assert ".:" not in fault.message
    assert (fault.status, fault.request_id, fault.body) == (200, "r", b"part")
    assert fault.evidence[1] == "status 200"
    assert decode(Reply(None, (), b"", TransportError.CUT)).evidence == ("transport error cut",)
    assert decode(Reply(None, (), b"", TransportError.CUT)).message == meaning
    assert decode(Reply(399, (), b"", TransportError.CUT)).kind is Kind.CUT_BODY
    assert decode(Reply(400, (), b"", TransportError.CUT)).kind is Kind.INVALID_REQUEST


def test_a_transport_error_after_a_failed_status_is_told_last() -> None:
    """The status decides, and that the body was cut is one fact more."""
    fault = decode(Reply(500, (), b"", TransportError.RESET))
    assert fault.evidence == ("status 500", "the body was cut: reset")


def test_an_error_object_in_a_good_status() -> None:
    """Its words decide; without any it is the server's error, and the evidence says where it was."""
    fact = "an error object in a good status"
    assert decode(Reply(200, (), b'{"error": "boom"}')).evidence == (fact,)
    fault = decode(Reply(200, (("Date", "x"), ("retry-after", "7")), b'{"error": {"code": "slow_down"}}'))
    assert (fault.kind, fault.delay_s) == (Kind.SLOW_DOWN, 7.0)
    assert fault.evidence == ("error.code = slow_down", fact, "retry-after: 7")
    dated = (("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"),)
    known = errors.decode(Reply(200, dated, b'{"error": {"code": "slow_down"}}'), 1_445_412_450.0)
    assert known is not None
    assert known.delay_s == 30.0
    empty = errors.decode(Reply(200, (*dated, ("x-request-id", "r")), b"{}"), 1_445_412_450.0)
    assert empty is not None
    assert (empty.delay_s, empty.request_id, empty.body) == (30.0, "r", b"{}")
    assert decode(Reply(200, (), b'\xef\xbb\xbf{"error": "boom"}')).kind is Kind.SERVER_ERROR
    assert decode(Reply(200, (), b"\xff\xfe x")).evidence == ("body is not JSON",)
    assert decode(Reply(299, (), b"{}")).kind is Kind.EMPTY_ANSWER


def test_a_date_needs_the_callers_clock() -> None:
    """A failed reply's dates are read by the clock that the caller gives."""
    headers = (("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"),)
    fault = errors.decode(Reply(503, headers), 1_445_412_450.0)
    assert fault is not None
    assert fault.delay_s == 30.0
    reset = errors.decode(Reply(429, (("x-ratelimit-reset", "1445412480"),)), 1_445_412_450.0)
    assert reset is not None
    assert reset.delay_s == 30.0


@pytest.mark.parametrize(
    ("kind", "body", "delay_s"),
    [
        pytest.param(429, "try again in 5s", 5.0, id="rate-limited"),
        pytest.param(503, "try again in 5s", 5.0, id="unavailable"),
        pytest.param(529, "try again in 5s", 5.0, id="overloaded"),
        pytest.param(
            429, '{"error": {"code": "slow_down", "message": "try again in 5s"}}', 5.0, id="slow-down"
        ),
        pytest.param(500, "try again in 5s", None, id="server-error"),
        pytest.param(400, "try again in 5s", None, id="request"),
    ],
)
def test_which_faults_heed_prose(
    fault_of: Callable[..., Fault], kind: int, body: str, delay_s: float | None
) -> None:
    """A wait in a sentence is heeded where the kind is about load."""
    assert fault_of(kind, body).delay_s == delay_s


def test_prose_is_looked_for_in_every_layer(fault_of: Callable[..., Fault]) -> None:
    """The first layer that names a wait gives it; a reset is a hint for rate limits only."""
    body = {"error": {"message": "m", "cause": {"message": "try again in 5s"}}}
    assert fault_of(429, body).delay_s == 5.0
    headers = (("x-ratelimit-reset-tokens", "9s"),)
    assert fault_of(429, b"", headers).delay_s == 9.0
    assert fault_of(503, b"", headers).delay_s is None


def test_an_event_says_which_stream_it_was_of() -> None:
    """Without words the evidence names the dialect, if one is known."""
    for dialect, fact in ((None, "an error event"), ("x", "an error event of a stream in the x dialect")):
        fault = errors.decode_event(b'{"error": "boom"}', "", dialect)
        assert fault is not None
        assert fault.evidence == (fact,)
        assert fault.body == b'{"error": "boom"}'


def test_events_that_are_no_objects() -> None:
    """Text of an event named error is its message, and a value is read as one."""
    for data, message in (
        (b"boom \xff", "boom \ufffd"),
        (b'"words"', "words"),
        (b'{"message": "m", "code": "slow_down"}', "m"),
    ):
        fault = errors.decode_event(data, "error")
        assert fault is not None
        assert fault.message == message
    coded = errors.decode_event(b'{"message": "m", "code": "slow_down"}', "error")
    assert coded is not None
    assert coded.evidence[0] == "event.code = slow_down"
    text = errors.decode_event(b"ValueError: x", "error")
    assert text is not None
    assert text.message == "x"
    blocked = errors.decode_event(b'{"promptFeedback": {"blockReason": "SAFETY"}}')
    assert blocked is not None
    assert blocked.evidence == ("promptFeedback.blockReason = SAFETY",)
    assert (blocked.status, blocked.body) == (200, b'{"promptFeedback": {"blockReason": "SAFETY"}}')


def stream(body: bytes, dialect: str | None = None) -> Fault | None:
    return errors.decode(Reply(200, (("content-type", "TEXT/EVENT-STREAM"),), body, dialect=dialect))


def test_a_saved_stream() -> None:
    """Its first error is the fault, whatever stands before the data; names end with their event."""
    empty = stream(b" \n")
    assert empty is not None
    assert (empty.kind, empty.evidence, empty.body) == (Kind.EMPTY_ANSWER, ("the stream is empty",), b" \n")
    assert empty.status == 200
    for line in (
        b'data:{"error": "boom"}',
        b'data: {"error": "boom"} ',
        b'{"error": "boom"}',
        b'[{"error": "boom"}]',
    ):
        fault = stream(b": note\nid: 7\n" + line + b"\n\n", "x")
        assert fault is not None
        assert fault.evidence == ("an error event of a stream in the x dialect",)
    named = stream(b"event:  error \ndata: gone\n\n")
    assert named is not None
    assert named.message == "gone"
    assert stream(b"event: error\n\ndata: gone\n\n") is None
    assert stream(b"event: \xff\ndata: gone\n\n") is None
    assert stream(b"event: error\ndata:\n\n") is None
    assert stream(b'note: {"error": "boom"}\n\n') is None


def test_a_saved_stream_is_read_to_a_bound() -> None:
    """Ten thousand lines are read."""
    line = b'data: {"error": "boom"}'
    assert stream(b"x\n" * 9_999 + line) is not None
    assert stream(b"x\n" * 10_000 + line) is None


def test_anthropics_overload_names_its_place() -> None:
    """The type decides, wherever it was found, and the evidence quotes it."""
    report = Report("error.cause", words=(("error.cause.type", "overloaded_error"),))
    fact = "error.cause.type = overloaded_error"
    assert read_anthropic(report) == [Finding(Kind.OVERLOADED, Weight.TYPE, fact, verdict=Verdict.FAILOVER)]
    assert read_anthropic(Report("error")) == []


def test_text_beyond_a_status_is_believed_in_events_and_good_statuses() -> None:
    """Nobody's request is refused by an event or a 200, so an object inside its text counts."""
    body = b'{"error": {"message": "said: {\\"code\\": \\"slow_down\\"}"}}'
    for fault in (errors.decode(Reply(200, (), body)), errors.decode_event(body)):
        assert fault is not None
        assert fault.kind is Kind.SLOW_DOWN


def test_what_stands_beside_an_error_is_read_in_events_and_good_statuses() -> None:
    """An id beside `error` is the fault's, whatever brought it."""
    body = b'{"error": {"message": "m"}, "request_id": "r"}'
    for fault in (errors.decode(Reply(200, (), body)), errors.decode_event(body)):
        assert fault is not None
        assert fault.request_id == "r"


def test_where_text_was_found_is_told(fault_of: Callable[..., Fault]) -> None:
    """Text of a body, a JSON string and an object without `error` are all of the body; text of an event is its own."""
    for body in ("loading model", '"loading model"', {"message": "loading model"}):
        assert fault_of(503, body).evidence[0] == 'body says "loading model"'
    event = errors.decode_event(b"loading model", "error")
    assert event is not None
    assert event.evidence[0] == 'event says "loading model"'


def test_a_body_that_is_no_utf_8(fault_of: Callable[..., Fault]) -> None:
    """What is no UTF-8 is replaced, a byte order mark is none of the words, and other ends are kept."""
    assert fault_of(503, b"loading model \xff").message == "loading model \ufffd"
    assert fault_of(503, "\ufeffX marks".encode()).message == "X marks"
    assert fault_of(503, "X marks X\ufeff".encode()).message == "X marks X\ufeff"
    assert fault_of(503, b'\xef\xbb\xbf{"error": {"code": "slow_down"}}').kind is Kind.SLOW_DOWN


def test_what_is_not_said_is_not_made_up(fault_of: Callable[..., Fault]) -> None:
    """Without a body a fault has none; without a status a page tells nothing."""
    assert errors.make(Kind.UNKNOWN).body == b""
    assert fault_of(None, "<html>maintenance").evidence == ("no status",)


def test_only_the_next_line_is_the_name_of_an_event() -> None:
    """A name right behind the colon counts; a line of neither name, data nor JSON counts for nothing."""
    named = stream(b"event:error\ndata: gone\n\n")
    assert named is not None
    assert named.message == "gone"
    assert stream(b'X{"error": "boom"}\n') is None
    assert stream(b'{"error": {"code": "slow_down"}}') is not None


def test_what_a_layer_lacks_comes_from_the_first_that_has_it(fault_of: Callable[..., Fault]) -> None:
    """Bounded, and from the deciding layer before any other."""
    body = {"error": {"type": "a", "param": "p", "message": "m", "cause": {"code": "slow_down", "type": "b"}}}
    fault = fault_of(500, body)
    assert (fault.type, fault.param, fault.code) == ("b", "p", "slow_down")
    nested = {"param": "outer", "error": {"type": "x", "code": "slow_down", "param": "inner"}}
    assert fault_of(500, nested).param == "inner"
