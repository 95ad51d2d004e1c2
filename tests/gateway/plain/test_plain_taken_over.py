"""Whatever is not plain is taken over by an exchange, which goes on as if it had begun the request itself."""

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.model import Kind
from halfopen.policy import JourneyOptions
from halfopen.policy.options import LimitOptions, PolicyOptions
from halfopen.providers.openai.dialect import OpenAI

ERRORS = {
    "500": ("500 Internal Server Error", "server_error", ()),
    "503": ("503 Service Unavailable", "server_error", ()),
    "503 with a time": ("503 Service Unavailable", "server_error", ("retry-after: 2",)),
    "529": ("529 Overloaded", "overloaded", ()),
    "429": ("429 Too Many Requests", "rate_limit_exceeded", ()),
    "429 with a time": ("429 Too Many Requests", "rate_limit_exceeded", ("retry-after: 3",)),
    "429 that is far": ("429 Too Many Requests", "rate_limit_exceeded", ("retry-after: 3000",)),
    "429 with limits": (
        "429 Too Many Requests",
        "rate_limit_exceeded",
        (
            "x-ratelimit-limit-requests: 10",
            "x-ratelimit-remaining-requests: 0",
            "x-ratelimit-reset-requests: 4s",
        ),
    ),
    "429 of a quota": ("429 Too Many Requests", "insufficient_quota", ()),
    "400": ("400 Bad Request", "invalid_request_error", ()),
    "401": ("401 Unauthorized", "invalid_api_key", ()),
    "403": ("403 Forbidden", "forbidden", ()),
    "404": ("404 Not Found", "model_not_found", ()),
    "408": ("408 Request Timeout", "timeout", ()),
    "413": ("413 Content Too Large", "too_large", ()),
    "302": ("302 Found", "moved", ("location: /elsewhere",)),
    "304": ("304 Not Modified", "unmodified", ()),
    "with an id": ("500 Internal Server Error", "server_error", ("x-request-id: req_5",)),
}
BAD = {
    "empty": b"",
    "no JSON": b"<html>Welcome to nginx</html>",
    "no chat": b'{"object":"list","data":[]}',
    "cut": b'{"id":"c","choices":[{"index":0,"message":{"role":"assist',
    "no choices": b'{"id":"c","choices":[]}',
    "no text": b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}',
    "no UTF-8": b'{"id":"c","choices":[{"index":0,"message":{"content":"\xff"},"finish_reason":"stop"}]}',
    "an error": b'{"error":{"message":"The server had an error","type":"server_error"}}',
}


def error(kit: Any, status: str, code: str, headers: tuple[str, ...] = ()) -> bytes:
    body = json.dumps({"error": {"message": "No.", "type": code, "param": None, "code": code}}).encode()
    return bytes(kit.answer(body, *headers, status=status))


def met(kit: Any, *steps: Any, second: bool = True, asks: Any = None, then: Any = (), **more: Any) -> Any:
    """A scene whose second request meets these steps on an idle connection; a second provider may be well."""
    good = [kit.answer()]
    answers = [[list(steps), *then], [good]] if second else [[list(steps), *then]]
    return kit.Scene([kit.chat(), 1.0, *(asks or [kit.chat()])], answers, first=[good], **more)


def taken(kit: Any, scene: Any, *, times: int = 1) -> Any:
    """What the scene shows, when so many requests were taken over on their way."""
    told = kit.compare(scene)
    assert told.taken_over == times
    return told


@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
@pytest.mark.parametrize("name", ERRORS)
def test_an_error(kit: Any, name: str, second: bool) -> None:
    """Failover, retry, wait or fail: as for any request."""
    told = taken(kit, met(kit, error(kit, *ERRORS[name]), second=second, then=[[kit.answer()]]))
    fault = told.outcomes[-1].attempts[0].fault
    assert fault is not None
    if second and name == "500":
        assert told.outcomes[-1].served_by == "p1/model-p1"


@pytest.mark.parametrize("name", ["500", "429 with a time"])
def test_an_error_in_pieces(kit: Any, name: str) -> None:
    """Head and body come one after the other."""
    raw = error(kit, *ERRORS[name])
    places = [0, 10, raw.index(b"\r\n\r\n") + 4, len(raw) - 9, len(raw)]
    steps = [step for start, end in itertools.pairwise(places) for step in (raw[start:end], 0.1)]
    taken(kit, met(kit, *steps))


def test_an_endless_error(kit: Any) -> None:
    """The body of an error is bounded."""
    raw = b"HTTP/1.1 500 No\r\ncontent-length: 1000000\r\n\r\n"
    taken(kit, met(kit, raw, *[b"x" * 10_000] * 20))


@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
@pytest.mark.parametrize("name", BAD)
def test_no_answer(kit: Any, name: str, second: bool) -> None:
    """A success without an answer in it is none."""
    told = taken(kit, met(kit, kit.answer(BAD[name]), second=second, then=[[kit.answer()]]))
    assert told.outcomes[-1].attempts[0].fault is not None


@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content"])
def test_no_content(kit: Any, status: str) -> None:
    taken(kit, met(kit, kit.answer(b"", status=status)))


@pytest.mark.parametrize("how", ["cut", "lost", "eof"])
@pytest.mark.parametrize("at", [1, 30, -60, -1])
def test_a_cut(kit: Any, at: int, how: str) -> None:
    """In the head or in the body: the connection is lost, and another target is asked."""
    told = taken(kit, met(kit, kit.answer()[:at], 0.2, how))
    assert told.outcomes[-1].served_by == "p1/model-p1"


@pytest.mark.parametrize("how", ["cut", "lost", "eof"])
@pytest.mark.parametrize("again", [True, False], ids=["then well", "then refused"])
def test_a_stale_connection(kit: Any, how: str, again: bool) -> None:
    """A connection that ended while it was idle costs no attempt: once more, on a new one."""
    then = [[kit.answer()]] if again else [["refused"]]
    told = taken(kit, met(kit, 0.01, how, then=then))
    assert len(told.outcomes[-1].attempts) == (1 if again else 2)


def test_a_stale_connection_and_a_slow_one(kit: Any) -> None:
    """The time of the attempt runs on from where it began."""
    told = taken(kit, met(kit, 1.0, "cut", then=[[30.0, kit.answer()]]))
    assert told.outcomes[-1].attempts[0].fault.kind is Kind.NO_RESPONSE


def test_rubbish(kit: Any) -> None:
    for raw in (b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", kit.answer() + b"more"):
        told = kit.compare(met(kit, raw))
        assert told.statuses == [200, 200]


@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
@pytest.mark.parametrize("sent", [0, 30, -20])
def test_no_end(kit: Any, sent: int, second: bool) -> None:
    """An upstream that falls silent has until the attempt's deadline, wherever it stopped."""
    start = [kit.answer()[:sent]] if sent else []
    told = taken(kit, met(kit, *start, 100.0, second=second))
    assert told.outcomes[-1].attempts[0].fault.kind is Kind.NO_RESPONSE


def test_a_slow_answer_is_waited_for(kit: Any) -> None:
    """The timer that looks after the request comes more than once, and too soon does nothing."""
    options = JourneyOptions(deadline_s=30, attempt_s=20)
    told = kit.compare(met(kit, 15.0, kit.answer(), options=options))
    assert (told.whole, told.taken_over) == (1, 0)


def leave(stage: Any) -> None:
    stage.client.lose()


def finish(stage: Any) -> None:
    stage.client.protocol.eof_received()
    leave(stage)


@pytest.mark.parametrize("go", [leave, finish])
@pytest.mark.parametrize("sent", [0, 30, -20])
def test_a_client_that_leaves(kit: Any, sent: int, go: Any) -> None:
    """Before the head, in it, or in the body: the call is given up, and nobody is blamed."""
    start = [kit.answer()[:sent]] if sent else []
    told = taken(kit, met(kit, *start, 1.0, kit.answer()[sent:], asks=[kit.chat(), 0.5, go, 1.0]))
    outcome = told.outcomes[-1]
    assert (outcome.client_gone, outcome.attempts[0].cancelled) == (True, True)
    assert (0.0, "p0.1", "abort")[1:] in [entry[1:] for entry in told.log]


def test_a_client_that_leaves_during_a_retry(kit: Any) -> None:
    taken(
        kit,
        met(
            kit,
            error(kit, *ERRORS["503 with a time"]),
            second=False,
            asks=[kit.chat(), 1.0, leave],
            then=[[kit.answer()]],
        ),
    )


def slow(stage: Any) -> None:
    stage.client.unsent = 400_000
    stage.client.protocol.pause_writing()


def ready(stage: Any) -> None:
    stage.client.unsent = 0
    stage.client.protocol.resume_writing()


@pytest.mark.parametrize("sent", [0, 30, -20])
def test_a_slow_client(kit: Any, sent: int) -> None:
    """While the client is slow, the upstream is not read; then all goes on."""
    raw = kit.answer(kit.body, "x-request-id: req_7")
    steps = [*([raw[:sent]] if sent else []), 1.0, raw[sent:]]
    told = taken(kit, met(kit, *steps, asks=[kit.chat(), 0.5, slow, 1.0, ready, 1.0]))
    assert told.statuses[-1] == 200
    assert b"x-request-id: req_7" in told.answers[-1]


@pytest.mark.parametrize("drain_s", [0.0, 0.5])
@pytest.mark.parametrize("sent", [0, 30, -20])
def test_the_gateway_stops(kit: Any, sent: int, drain_s: float) -> None:
    """In the middle of an answer: the client is told, and nothing stays."""
    start = [kit.answer()[:sent]] if sent else []
    asks = [kit.chat(), 0.3, lambda stage: stage.begin(stage.server.stop(drain_s)), 2.0]
    told = taken(kit, met(kit, *start, 9.0, asks=asks))
    assert told.statuses == [200, 503]


def test_a_new_snapshot_in_between(kit: Any) -> None:
    """An error after the change is still handled under the old one; a new one holds for the next."""

    def adopt(stage: Any) -> None:
        stage.server.adopt(replace(stage.snapshot, policy=replace(stage.snapshot.policy)), {"KEY": "sk-new"})

    for steps in ([0.5, error(kit, *ERRORS["500"])], [0.5, "cut"], [0.5, kit.answer()[:-3], "cut"], [100.0]):
        told = taken(
            kit, met(kit, *steps, asks=[kit.chat(), 0.2, adopt, 12.0, kit.chat()], then=[[kit.answer()]])
        )
        assert told.statuses == [200, 200, 200]


def test_pipelined(kit: Any) -> None:
    """One in the row fails over; the others are answered in their places."""
    told = kit.compare(met(kit, error(kit, *ERRORS["500"]), asks=[kit.chat() * 3], then=[[kit.answer()]]))
    assert told.statuses == [200] * 4


def test_a_full_target(kit: Any) -> None:
    """Who finds no room waits in line and goes on when there is some."""
    policy = PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))
    other = [lambda stage: stage.connect() and None, kit.chat(), 0.05]
    asks = [kit.chat(), 0.05, *other, *other, 3.0, kit.chat()]
    told = kit.compare(met(kit, 0.4, kit.answer(), second=False, asks=asks, policy=policy))
    assert told.statuses == [200] * 5


def test_no_idle_connection(kit: Any) -> None:
    """The pool makes one, or waits for one."""
    other = [lambda stage: stage.connect() and None, kit.chat(), 0.05]
    asks = [kit.chat(), 0.05, *other, *other, 3.0, kit.chat()]
    for pool_max in (1, 2, 9):
        told = kit.compare(met(kit, 0.4, kit.answer(), second=False, asks=asks, pool_max=pool_max))
        assert told.statuses == [200] * 5


def test_an_open_breaker(kit: Any) -> None:
    """A target that fails often is passed over, and tried again later."""
    bad = [error(kit, *ERRORS["500"])]
    asks = [step for _ in range(30) for step in (kit.chat(), 0.2)]
    told = kit.compare(met(kit, *bad, asks=[*asks, 20.0, kit.chat()], then=[bad] * 30))
    assert told.statuses == [200] * 32


def test_every_target_is_down(kit: Any) -> None:
    told = kit.compare(
        kit.Scene(
            [kit.chat(), 1.0, kit.chat(), 9.0, kit.chat()],
            [[[error(kit, *ERRORS["500"])]], [[error(kit, *ERRORS["503"])]]],
            first=[[kit.answer()]],
        )
    )
    assert all(status >= 500 for status in told.statuses[1:])


def broken(*_args: object, **_more: object) -> Any:
    raise ArithmeticError("planted")


@pytest.mark.parametrize("second", [True, False], ids=["with another", "alone"])
def test_a_defect_in_reading_an_answer(kit: Any, second: bool) -> None:
    """Such a target is of no use for this request, so another is asked; the defect is logged."""

    def plant(patch: pytest.MonkeyPatch, _stage: Any) -> None:
        read = OpenAI.answer

        def answer(self: Any, chat: Any, target: Any, reply: Any, **more: Any) -> Any:
            return broken() if b"planted" in reply.body else read(self, chat, target, reply, **more)

        patch.setattr(OpenAI, "answer", answer)

    told = taken(
        kit, met(kit, kit.answer(kit.body.replace(b"fine", b"planted")), second=second, planted=plant)
    )
    assert told.defects
    assert told.statuses[-1] == 200 or not second


def test_a_defect_in_reading_a_head(kit: Any) -> None:
    """The same for what headers tell."""

    def plant(patch: pytest.MonkeyPatch, _stage: Any) -> None:
        def limits(headers: Any, *_more: Any) -> Any:
            return broken() if ("x-ratelimit-odd", "planted") in headers else ()

        patch.setattr("halfopen.gateway.plain.rate_limits", limits)

    told = kit.run(met(kit, kit.answer(kit.body, "x-ratelimit-odd: planted"), planted=plant), plainly=True)
    assert (told.statuses, told.taken_over, len(told.defects)) == ([200, 200], 1, 1)
    assert told.held == {}


def test_a_defect_in_writing_a_call(kit: Any) -> None:
    """Ours alone: the client gets an error, and no connection is lost from sight."""

    def plant(patch: pytest.MonkeyPatch, _stage: Any) -> None:
        call = OpenAI.call

        def planted(self: Any, ask: Any, *args: Any) -> Any:
            return broken() if b"planted" in ask.body else call(self, ask, *args)

        patch.setattr(OpenAI, "call", planted)

    told = kit.compare(
        met(kit, kit.answer(), asks=[kit.chat(user="planted"), 1.0, kit.chat()], planted=plant)
    )
    assert told.statuses == [200, 500, 200]


def test_a_defect_in_the_answers_headers(kit: Any) -> None:
    def plant(patch: pytest.MonkeyPatch, stage: Any) -> None:
        def fails(self: Any, ask: Any, *args: Any) -> Any:
            return broken() if b"planted" in ask.body else ()

        patch.setattr(OpenAI, "adapted", fails, raising=False)

    told = kit.compare(
        met(kit, kit.answer(), asks=[kit.chat(user="planted"), 1.0, kit.chat()], planted=plant)
    )
    assert told.statuses[-1] == 200


def test_a_defect_after_the_answer(kit: Any) -> None:
    """Whoever takes the outcomes must never raise. If he does, the client has one answer, not two."""

    def plant(_patch: pytest.MonkeyPatch, stage: Any) -> None:
        take = stage.on_outcome

        def planted(outcome: Any) -> None:
            take(outcome)
            if len(stage.outcomes) == 2:
                broken()

        stage.on_outcome = planted

    scene = met(kit, kit.answer(), asks=[kit.chat(), 1.0, kit.chat(), 1.0], planted=plant)
    told, expected = kit.run(scene, plainly=True), kit.run(scene, plainly=False)
    assert told.statuses == [200, 200, 200]
    assert (told.log, told.outcomes, told.left) == (expected.log, expected.outcomes, expected.left)
    assert len(told.defects) == 1


def anew(stage: Any) -> None:
    leave(stage)
    stage.connect()


def beside(stage: Any) -> None:
    stage.connect()


@st.composite
def doings(draw: st.DrawFn, kit: Any) -> list[Any]:
    """What an upstream does with one request."""
    raw = draw(
        st.sampled_from(
            [
                *[kit.answer()] * 4,
                kit.answer(kit.body, "x-request-id: req_1"),
                kit.answer(kit.body, "connection: close"),
                kit.answer(BAD["no chat"]),
                kit.answer(b""),
                *[
                    error(kit, *ERRORS[name])
                    for name in ("500", "429", "429 with a time", "401", "with an id")
                ],
                b"garbage\r\n\r\n",
                kit.answer() + kit.answer(),
            ]
        )
    )
    places = draw(st.lists(st.integers(0, len(raw)), max_size=2))
    edges = sorted({0, len(raw), *places})
    steps: list[Any] = []
    for start, end in itertools.pairwise(edges):
        steps += [draw(st.sampled_from([0.0, 0.001, 0.05, 0.3, 2.0, 6.0])), raw[start:end]]
    match draw(st.integers(0, 9)):
        case 0:
            return [*steps[: draw(st.integers(0, len(steps)))], draw(st.sampled_from(["cut", "eof", "lost"]))]
        case 1:
            return [*steps, 0.01, draw(st.sampled_from(["cut", "eof", "lost"]))]
        case 2:
            return ["refused"]
        case _:
            return steps


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_comes(data: st.DataObject, kit: Any) -> None:
    """Clients and upstreams that do whatever they like: nothing differs, and nothing is left."""
    sent = [
        kit.chat(),
        kit.chat(temperature=0.5),
        kit.chat() * 2,
        kit.chat("connection: close"),
        kit.chat(version="1.0"),
    ]
    pauses = [0.01, 0.1, 0.5, 3.0]
    step = st.sampled_from([*sent, kit.chat(), kit.chat(), *pauses, *pauses, anew, beside, slow, ready])
    # Who asks and leaves in the same moment is served differently: an exchange sends a moment later.
    asks = [each for drawn in data.draw(st.lists(step, max_size=14)) for each in (drawn, 0.003)]
    asks = [kit.chat(), 0.5, *asks, ready, 0.003, anew]
    answers = [
        data.draw(st.lists(doings(kit), min_size=1, max_size=6)) for _ in range(data.draw(st.integers(1, 2)))
    ]
    pool_max = data.draw(st.sampled_from([1, 2, 256]))
    limit = data.draw(st.sampled_from([1, 2, 100]))
    policy = PolicyOptions(limit=LimitOptions(initial=limit, min=1, max=limit))
    kit.compare(kit.Scene(asks, answers, first=[[kit.answer()]], pool_max=pool_max, policy=policy))
