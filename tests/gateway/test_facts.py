"""What an outcome tells of who asked, under which configuration, and how much went to and fro."""

import json
from typing import Any

import pytest

from halfopen.gateway.demand import NAME_MAX_CHARS, TRACE_STATE_MAX_CHARS
from halfopen.model import trace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SAID = [{"role": "user", "content": "hello"}]
DIALECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "m", "messages": SAID}),
    "responses": ("/v1/responses", {"model": "m", "input": "hello"}),
    "completions": ("/v1/completions", {"model": "m", "prompt": "hello"}),
    "messages": ("/v1/messages", {"model": "m", "messages": SAID, "max_tokens": 100}),
    "generate": (
        "/v1beta/models/m:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "h"}]}]},
    ),
    "embeddings": ("/v1/embeddings", {"model": "m", "input": "hello"}),
    "relayed": ("/v1/moderations", {"model": "m", "input": "hello"}),
}


def asked(kit: Any, dialect: str, *headers: str, stream: bool = False) -> tuple[bytes, int]:
    """A request, and the size of its body."""
    path, body = DIALECTS[dialect]
    if stream and dialect == "generate":
        path = path.replace("generateContent", "streamGenerateContent") + "?alt=sse"
    elif stream:
        body = body | {"stream": True}
    data = json.dumps(body, indent=3).encode()
    return kit.post(data, *headers, path=path), len(data)


def heads_of(answer: bytes, heads: list[bytes]) -> Any:
    """A script that answers every request the same, and keeps their heads."""

    async def script(peer: Any) -> None:
        while True:
            await peer.request()
            heads.append(peer.head)
            peer.send(answer)

    return script


def whole(kit: Any, *, stream: bool) -> bytes:
    """A good answer."""
    events = kit.chunk("a") + kit.chunk(None, "stop") + b"data: [DONE]\n\n"
    return bytes(kit.stream_head + kit.framed(events) + b"0\r\n\r\n" if stream else kit.ok())


def header(head: bytes, name: str) -> str | None:
    """One header of a request's head; None: it isn't there."""
    lines = head.decode("latin-1").split("\r\n")
    found = [line.partition(": ")[2] for line in lines if line.startswith(f"{name}: ")]
    assert len(found) < 2, found
    return found[0] if found else None


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_bytes_are_those_of_the_bodies(
    play: Any, kit: Any, dialect: str, vendor: str, *, stream: bool
) -> None:
    """As the client sent and got them, whatever was translated, streams included."""
    if dialect in ("embeddings", "relayed") and (vendor != "openai" or stream):
        dialect = "chat"

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(vendor))
        request, size_bytes = asked(kit, dialect, "x-halfopen-caller: nightly batch", stream=stream)
        response = await (await stage.client(gateway)).ask(request)
        assert response.whole
        (outcome,) = stage.outcomes
        assert (outcome.received_bytes, outcome.sent_bytes) == (size_bytes, len(response.body))
        assert (outcome.caller, outcome.snapshot) == ("nightly batch", gateway.runtime.snapshot.id)
        assert outcome.trace == ""

    play(scene)


def test_a_refusal_and_a_cut_stream_have_sent_what_they_have(play: Any, kit: Any) -> None:
    """An error's body, and of a stream what went out before it was cut, with the error at its end."""

    async def scene(stage: Any) -> None:
        cut = kit.stream_head + kit.framed(kit.chunk("")) + kit.framed(kit.chunk("some"))
        refusing = await stage.upstream(kit.answering(kit.ok(b"{}", status="400 Bad Request")))

        async def cutting(peer: Any) -> None:
            await peer.request()
            peer.send(cut)
            await peer.writer.drain()
            peer.writer.close()
            await peer.writer.wait_closed()

        gateway = await stage.gateway(refusing)
        other = await stage.gateway(await stage.upstream(cutting))
        refused = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        client = await stage.client(other)
        client.send(kit.post(kit.chat(stream=True)))
        streamed = await client.response()
        first, second = stage.outcomes
        assert refused.status == 400
        assert first.sent_bytes == len(refused.body)
        assert (second.sent_bytes, streamed.whole) == (len(streamed.body), False)
        assert second.fault is not None

    play(scene)


NAMES = {
    "a name": (b"team-a", "team-a"),
    "umlauts": ("Büro".encode(), "Büro"),
    "no text": (b"a\xff\x00b", "a\N{REPLACEMENT CHARACTER}b"),
    "blanks": (b"  ", ""),
    "a long one": (b"n" * 100, "n" * NAME_MAX_CHARS),
}


@pytest.mark.parametrize(("sent", "shown"), NAMES.values(), ids=NAMES)
def test_a_caller_is_what_can_be_shown_of_its_name(play: Any, kit: Any, sent: bytes, shown: str) -> None:
    """Printable, and bounded."""
    if b"\x00" in sent:
        sent = sent.replace(b"\x00", b"\t")  # no header may have that

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        request = kit.post(kit.chat(), "x-halfopen-caller: NAME").replace(b"NAME", sent)
        assert (await (await stage.client(gateway)).ask(request)).status == 200
        assert stage.outcomes[0].caller == shown

    play(scene)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_trace_goes_on_to_every_upstream(play: Any, kit: Any, *, stream: bool) -> None:
    """Each attempt has its own span, all of them those that the outcome leads to; the state is passed on."""
    heads: list[bytes] = []

    async def scene(stage: Any) -> None:
        down = await stage.upstream(heads_of(kit.ok(b"{}", status="500 Oh"), heads))
        up = await stage.upstream(heads_of(whole(kit, stream=stream), heads))
        gateway = await stage.gateway(down, up)
        client = await stage.client(gateway)
        for _ in range(2):  # with a connection that is made, and with one that is there
            heads.clear()
            states = ("tracestate: a=1", "tracestate: b=2")
            request = kit.post(kit.chat(stream=stream), f"traceparent: {PARENT}", *states)
            assert (await client.ask(request)).status == 200
            outcome = stage.outcomes[-1]
            assert outcome.trace == PARENT
            told = [header(head, "traceparent") for head in heads]
            numbers = range(1, len(heads) + 1)
            assert told == [trace.traceparent(outcome.request_id, number, PARENT) for number in numbers]
            assert [header(head, "tracestate") for head in heads] == ["a=1,b=2"] * len(heads)
        assert len(heads) >= 1

    play(scene)


NO_TRACES = {
    "none": (),
    "no traceparent": ("traceparent: 00-1-1-1", "tracestate: a=1"),
    "two of them": (f"traceparent: {PARENT}", f"traceparent: {PARENT}", "tracestate: a=1"),
    "a state alone": ("tracestate: a=1",),
}


@pytest.mark.parametrize("sent", NO_TRACES.values(), ids=NO_TRACES)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_who_traces_nothing_has_nothing_sent(
    play: Any, kit: Any, sent: tuple[str, ...], *, stream: bool
) -> None:
    """Neither header, and the outcome has no trace."""
    heads: list[bytes] = []

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(heads_of(whole(kit, stream=stream), heads)))
        client = await stage.client(gateway)
        for _ in range(2):
            await client.ask(kit.post(kit.chat(stream=stream), *sent))
        assert {header(head, name) for head in heads for name in ("traceparent", "tracestate")} == {None}
        assert {outcome.trace for outcome in stage.outcomes} == {""}

    play(scene)


@pytest.mark.parametrize(
    "state", [f"a={'x' * TRACE_STATE_MAX_CHARS}", "a=\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_a_state_that_is_no_good_is_left_behind(play: Any, kit: Any, state: str) -> None:
    """The trace goes on without it."""
    heads: list[bytes] = []

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(heads_of(kit.ok(), heads)))
        request = kit.post(kit.chat(), f"traceparent: {PARENT}", "tracestate: STATE")
        await (await stage.client(gateway)).ask(request.replace(b"STATE", state.encode("latin-1")))
        assert header(heads[0], "tracestate") is None
        assert (header(heads[0], "traceparent") or "").startswith(PARENT[:36])

    play(scene)


@pytest.mark.parametrize(("part", "flag"), [(1.0, "01"), (0.0, "00")])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_where_traces_are_exported_every_request_has_one(
    play: Any, kit: Any, part: float, flag: str, *, stream: bool
) -> None:
    """Its ids are found by that of the request, and the flag says whether it is kept."""
    heads: list[bytes] = []

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(heads_of(whole(kit, stream=stream), heads)))
        gateway.runtime.traced_part = part
        client = await stage.client(gateway)
        for _ in range(2):
            await client.ask(kit.post(kit.chat(stream=stream)))
        for head, outcome in zip(heads, stage.outcomes, strict=True):
            id = outcome.request_id  # noqa: A001 - the field's own name
            assert header(head, "traceparent") == f"00-{trace.trace_id(id)}-{trace.span_id(id, 1)}-{flag}"
            assert outcome.trace == ""

    play(scene)
