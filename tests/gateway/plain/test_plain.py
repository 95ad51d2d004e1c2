"""The shortest way of a plain request says and leaves the same as an exchange, to the byte and the moment."""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from halfopen.model import Kind

CUT_IN = [1, 20, 60, 200, 400]
"""Where an answer is cut: in its head, and in its body."""


def after_one(kit: Any, *asks: Any, answer: list[Any] | None = None, **more: Any) -> Any:
    """A scene in which a connection is idle when the asks come. The first provider then does as `answer` says."""
    good = [kit.answer()]
    answers = more.pop("answers", [[answer or good]])
    return kit.Scene([kit.chat(), 1.0, *asks], answers, first=[good], **more)


def plainly(kit: Any, scene: Any, *, times: int = 1) -> Any:
    """What the scene shows, when it has gone the short way so many times."""
    told = kit.compare(scene)
    assert (told.whole, told.taken_over) == (times, 0)
    return told


def test_a_good_answer(kit: Any) -> None:
    """The answer, the outcome, and what is known of the target."""
    told = plainly(kit, after_one(kit, kit.chat()))
    assert told.answers[-1].endswith(kit.body)
    outcome = told.outcomes[-1]
    assert (outcome.served_by, outcome.fault, outcome.usage.output_tokens) == ("p0/model-p0", None, 4)


def test_many_one_after_the_other(kit: Any) -> None:
    """All of them but the first, which had no connection yet."""
    told = plainly(kit, after_one(kit, *[kit.chat(), 0.5] * 20), times=20)
    assert told.statuses == [200] * 21


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 0.5},
        {"max_tokens": 7, "n": 1},
        {"service_tier": "flex"},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        {"stream": False},
        {"response_format": {"type": "json_object"}},
    ],
    ids=lambda more: next(iter(more)),
)
def test_requests_of_every_kind(kit: Any, more: dict[str, Any]) -> None:
    """What is asked is sent on in the same words, and counts the same."""
    plainly(kit, after_one(kit, kit.chat(**more)))


@pytest.mark.parametrize(
    "headers",
    [
        ("connection: close",),
        ("connection: keep-alive",),
        ("x-halfopen-priority: bulk", "x-halfopen-caller: me"),
        ("x-halfopen-timeout: 3",),
        ("x-stainless-retry-count: 2", "x-stainless-read-timeout: 4"),
        ("authorization: Bearer a",),
    ],
    ids=lambda headers: headers[0],
)
def test_heads_of_every_kind(kit: Any, headers: tuple[str, ...]) -> None:
    """What a client says of itself, and of the connection, holds."""
    plainly(kit, after_one(kit, kit.chat(*headers)))


@pytest.mark.parametrize("headers", [(), ("connection: keep-alive",)], ids=["closing", "kept"])
def test_a_client_of_old(kit: Any, headers: tuple[str, ...]) -> None:
    """HTTP/1.0: the connection ends after the answer, unless it is to be kept."""
    told = plainly(kit, after_one(kit, kit.chat(*headers, version="1.0")))
    assert (b"connection: keep-alive" in told.answers[-1]) == bool(headers)


def test_other_methods(kit: Any) -> None:
    """HEAD and GET are no way to ask for a chat: they are passed on, and not by the short way."""
    asks = [
        kit.chat(method="HEAD"),
        1.0,
        kit.chat(method="GET"),
        1.0,
        kit.chat(method="PATCH"),
        1.0,
        kit.chat(),
    ]
    told = kit.compare(after_one(kit, *asks))
    assert (told.whole, told.statuses[-1]) == (1, 200)


@pytest.mark.parametrize(
    "headers",
    [
        ("x-request-id: req_7",),
        ("request-id: req_8",),
        ("request-id: req_8", "x-request-id: req_7"),
        ("x-request-id: one", "x-request-id: two"),
        ("x-request-id: ", "request-id: req_9"),
        ("x-request-id: " + "i" * 400,),
        ("x-request-id: a\x85b",),
        ("x-request-id: r\xe9q",),
        ("x-request-id: a\tb",),
        ("x-request-id: sk-proj-9f8e7d6c5b4a39281706",),
        ("x-request-id: before-sk-proj-9f8e7d6c5b4a39281706-after",),
    ],
    ids=lambda headers: " + ".join(each[:24].encode("ascii", "replace").decode() for each in headers),
)
def test_the_id_of_the_upstream(kit: Any, headers: tuple[str, ...]) -> None:
    """Is shown as an exchange shows it: bounded, printable, and without a secret."""
    told = plainly(kit, after_one(kit, kit.chat(), answer=[kit.answer(kit.body, *headers)]))
    assert b"sk-proj" not in told.answers[-1]


@pytest.mark.parametrize(
    "headers",
    [
        (
            "x-ratelimit-limit-requests: 10",
            "x-ratelimit-remaining-requests: 4",
            "x-ratelimit-reset-requests: 6s",
        ),
        ("x-ratelimit-limit-tokens: 1000", "x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 2s"),
        ("ratelimit-limit: 5", "ratelimit-remaining: 0", "ratelimit-reset: 3"),
        ('ratelimit-policy: "burst";q=100;w=60', 'ratelimit: "burst";r=2;t=8'),
        ("x-ratelimit-limit: 5", "x-tokenlimit-limit: 100"),
        ("retry-after: 5",),
    ],
    ids=lambda headers: headers[0],
)
def test_limits_are_learnt(kit: Any, headers: tuple[str, ...]) -> None:
    """What headers tell of a target's limits is known afterwards, and the next request goes by it."""
    asks = [kit.chat(), 0.1, kit.chat(), 0.1, kit.chat()]
    told = kit.compare(after_one(kit, *asks, answer=[kit.answer(kit.body, *headers)]))
    assert told.whole >= 1


@pytest.mark.parametrize("size", [1, 7, 100])
def test_in_pieces(kit: Any, size: int) -> None:
    """However the answer is cut on its way."""
    raw = kit.answer()
    pieces = [step for at in range(0, len(raw), size) for step in (raw[at : at + size], 0.001)]
    plainly(kit, after_one(kit, kit.chat(), answer=pieces))


def test_chunked(kit: Any) -> None:
    """An answer of unknown length."""
    body = kit.body
    raw = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    raw += b"%x\r\n%b\r\n" % (10, body[:10])
    last = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body) - 10, body[10:])
    plainly(kit, after_one(kit, kit.chat(), answer=[raw, 0.2, last]))


def test_until_the_connection_ends(kit: Any) -> None:
    """An answer that says nothing of its length; its connection is not used again."""
    raw = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + kit.body
    plainly(kit, after_one(kit, kit.chat(), 1.0, kit.chat(), answer=[raw, 0.1, "eof"]), times=1)


def test_an_upstream_that_closes(kit: Any) -> None:
    """With `connection: close` the connection is given up."""
    told = kit.compare(
        after_one(kit, kit.chat(), 1.0, kit.chat(), answer=[kit.answer(kit.body, "connection: close")])
    )
    assert (told.whole, told.statuses) == (1, [200, 200, 200])


@pytest.mark.parametrize("status", ["201 Created", "206 Partial", "299 Odd"])
def test_every_success_is_one(kit: Any, status: str) -> None:
    """Any 2xx with an answer in it."""
    told = plainly(kit, after_one(kit, kit.chat(), answer=[kit.answer(status=status)]))
    assert told.statuses[-1] == 200


def test_pipelined(kit: Any) -> None:
    """Several in one piece are answered in their order."""
    told = plainly(kit, after_one(kit, kit.chat() * 3 + kit.chat(temperature=0.5)), times=4)
    assert told.statuses == [200] * 5


def test_while_others_are_under_way(kit: Any) -> None:
    """Two clients at once: only one finds a connection that is idle."""
    slow = [0.3, kit.answer()]
    told = kit.compare(
        after_one(
            kit,
            kit.chat(),
            0.1,
            lambda stage: stage.connect() and None,
            kit.chat(),
            2.0,
            kit.chat(),
            answer=slow,
        )
    )
    assert (told.whole, told.statuses) == (2, [200] * 4)


@pytest.mark.parametrize("dialect", ["anthropic", "gemini"])
def test_another_dialect(kit: Any, dialect: str) -> None:
    """An answer that has to be translated says what could not be followed."""
    body = {
        "anthropic": {
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": "fine"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 3, "output_tokens": 4},
        },
        "gemini": {
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": "fine"}]}, "finishReason": "STOP"}
            ],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4},
        },
    }[dialect]
    good = [kit.answer(json.dumps(body).encode())]
    scene = kit.Scene(
        [kit.chat(), 1.0, kit.chat(seed=3, temperature=1.5, user="me")], [[good]], dialects=(dialect,)
    )
    told = plainly(kit, scene)
    assert b"fine" in told.answers[-1]


@pytest.mark.parametrize("drain_s", [0.0, 3.0], ids=["cut", "drained"])
@pytest.mark.parametrize("wait_s", [0.05, 1.0])
def test_while_the_gateway_drains(kit: Any, drain_s: float, wait_s: float) -> None:
    """What runs ends, or is told; a request that comes during the draining is answered and is the last."""

    def stop(stage: Any) -> None:
        stage.begin(stage.server.stop(drain_s))

    slow = [wait_s, kit.answer()]
    told = kit.compare(after_one(kit, kit.chat(), 0.01, stop, 0.02, kit.chat(), answer=slow))
    last = b"HTTP/1.1 200" if drain_s else b"HTTP/1.1 503"
    assert any(each.startswith(last) for each in told.answers[1:])


def test_under_a_new_snapshot(kit: Any) -> None:
    """A request ends under the snapshot under which it began; the next is under the new one."""

    def adopt(stage: Any) -> None:
        stage.server.adopt(replace(stage.snapshot, policy=replace(stage.snapshot.policy)), {"KEY": "sk-new"})

    told = kit.compare(
        after_one(kit, kit.chat(), 0.1, adopt, kit.chat(), 2.0, kit.chat(), answer=[0.5, kit.answer()])
    )
    assert told.statuses == [200] * 4
    keys = [
        what.count(b"sk-new")
        for _, name, what in told.log
        if name.startswith("p0") and isinstance(what, bytes)
    ]
    assert keys == [0, 0, 1, 1]


def test_an_answer_that_the_client_does_not_take(kit: Any) -> None:
    """The client reads too slowly for what is written, and then goes on."""

    def slow(stage: Any) -> None:
        stage.client.unsent = 400_000
        stage.client.protocol.pause_writing()

    def ready(stage: Any) -> None:
        stage.client.unsent = 0
        stage.client.protocol.resume_writing()

    def hears(stage: Any) -> None:
        stage.client.on_write = lambda _: slow(stage)

    told = kit.compare(after_one(kit, hears, kit.chat(), 1.0, kit.chat(), 1.0, ready, 1.0))
    assert told.statuses == [200] * 3


def test_an_answer_that_is_coded(kit: Any) -> None:
    """Somebody else unpacks it."""
    packed = kit.answer(gzip.compress(kit.body, mtime=0), "content-encoding: gzip")
    told = kit.compare(after_one(kit, kit.chat(), answer=[packed]))
    assert (told.taken_over, told.statuses) == (1, [200, 200])
    assert told.answers[-1].endswith(kit.body)


def test_too_much_of_an_answer(kit: Any) -> None:
    """An answer past the bound is a fault, and another target is asked."""
    long = kit.answer(kit.body + b" " * 2000)
    settings = [("answer_max_bytes", 1024)]
    for steps in (
        [long],
        [long[:300], 0.1, long[300:]],
        [long[: len(long) - 500], 0.1, long[len(long) - 500 :]],
    ):
        scene = after_one(kit, kit.chat(), answers=[[steps], [[kit.answer()]]], settings=settings)
        told = kit.compare(scene)
        assert (told.taken_over, told.statuses) == (1, [200, 200])
        assert [each.fault and each.fault.kind for each in told.outcomes[-1].attempts] == [
            Kind.ANSWER_TOO_LARGE,
            None,
        ]
