"""Completions between equals, and through a chat where the target knows no completions."""

import json
from dataclasses import replace

import pytest

from halfopen.model import Fault, Kind, Reply, Target, Usage
from halfopen.providers.clients.completions import COMPLETIONS
from halfopen.providers.compatible import FLAVOURS, Compatible
from halfopen.providers.contract import Answer, StreamKind
from halfopen.providers.openai import OPENAI

INSTRUCT = "gpt-3.5-turbo-instruct"
USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


def completion(**fields):
    made = {
        "id": "cmpl-1", "object": "text_completion", "created": 9, "model": INSTRUCT,
        "choices": [{"text": " a time", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
    } | fields  # fmt: skip
    return Reply(200, (("content-type", "application/json"),), json.dumps(made).encode(), dialect="openai")


def chunk(text="", reason=None, **fields):
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 9,
        "model": INSTRUCT,
        "choices": [choice],
    } | fields


@pytest.fixture
def native(make_target):
    target = make_target(INSTRUCT)
    return COMPLETIONS.translation(OPENAI, target), target


def test_only_the_model_is_changed(make, native) -> None:
    """The client's bytes go to /completions as they came."""
    translation, target = native
    chat = make()
    call = translation.call(chat, target, "sk-1")
    assert call.path == "/completions"
    assert call.body is chat.origin.body
    assert dict(call.headers)["authorization"] == "Bearer sk-1"
    renamed = replace(target, model="davinci-002")
    assert json.loads(translation.call(chat, renamed, None).body) == {
        "model": "davinci-002",
        "prompt": "Once upon",
    }
    assert translation.adapted(chat, target) == ()


def test_a_stream_asks_for_the_counts(make, native) -> None:
    """What is spent must be known, also when the client doesn't ask."""
    translation, target = native
    call = translation.call(make(stream=True, stream_options={"x": 1}), target, None)
    assert json.loads(call.body)["stream_options"] == {"x": 1, "include_usage": True}
    assert dict(call.headers)["accept"] == "text/event-stream"


def test_servers_get_their_key_and_their_fields(make) -> None:
    """A flavour's header takes the key, and what it refuses and changes nothing is left out."""
    azure = COMPLETIONS.translation(Compatible(FLAVOURS["vllm"]), Target("v", "m", "openai"))
    assert (
        dict(azure.call(make(user="me"), Target("v", "m", "openai"), "k").headers)["authorization"]
        == "Bearer k"
    )
    flavour = replace(FLAVOURS["mistral"], key_header="api-key", speaks=frozenset(("completions",)))
    translation = COMPLETIONS.translation(Compatible(flavour), Target("x", "m", "openai"))
    call = translation.call(make(user="me", stream=True), Target("x", "m", "openai"), "k")
    assert json.loads(call.body) == {"model": "m", "prompt": "Once upon", "stream": True}
    assert ("api-key", "k") in call.headers


def test_what_no_chat_can_do_is_served_natively(make, native, make_target) -> None:
    """Several prompts go to a server of completions, and skip every other."""
    translation, target = native
    chat = make(prompt=["a", "b"], echo=True)
    assert translation.unfit(chat, target) is None
    mini = make_target("gpt-4o-mini")
    assert COMPLETIONS.translation(OPENAI, mini).unfit(chat, mini) == "no lists of prompts"


def test_a_good_answer_passes_byte_for_byte(make, native) -> None:
    """It is judged and relayed."""
    translation, target = native
    reply = completion()
    answer = translation.answer(make(), target, reply)
    assert answer == Answer(reply.body, "stop", Usage(2, 3))
    assert answer.body is reply.body


@pytest.mark.parametrize(
    ("asked", "fields", "kind"),
    [
        pytest.param({}, {"choices": []}, Kind.EMPTY_ANSWER, id="no choices"),
        pytest.param({}, {"choices": None}, Kind.EMPTY_ANSWER, id="null choices"),
        pytest.param({}, {"choices": [{"text": "x"}]}, Kind.NO_FINISH, id="no finish"),
        pytest.param({}, {"choices": [{"text": "", "finish_reason": "stop"}]}, Kind.EMPTY_ANSWER, id="empty"),
        pytest.param({}, {"choices": [{"finish_reason": "stop"}]}, Kind.MALFORMED_ANSWER, id="no text"),
        pytest.param({}, {"choices": [{"text": "x", "finish_reason": "error"}]}, Kind.ERROR_EVENT, id="failed"),
        pytest.param({"n": 2}, {}, Kind.MALFORMED_ANSWER, id="one of two"),
        pytest.param({"prompt": ["a", "b"]}, {}, Kind.MALFORMED_ANSWER, id="one of two prompts"),
        pytest.param({}, {"error": {"message": "The server is overloaded", "code": "server_is_overloaded"}}, Kind.OVERLOADED, id="error in a 200"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none(make, native, asked, fields, kind) -> None:
    """A good status proves nothing."""
    translation, target = native
    fault = translation.answer(make(**asked), target, completion(**fields))
    assert isinstance(fault, Fault)
    assert fault.kind is kind
    assert fault.status == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"", Kind.EMPTY_ANSWER, id="empty"),
        pytest.param(b"<html>", Kind.NOT_JSON, id="html"),
        pytest.param(b'{"choices":[{"te', Kind.CUT_BODY, id="cut"),
        pytest.param(b'{"choices":7}', Kind.MALFORMED_ANSWER, id="number"),
        pytest.param(b'{"choices":[{"text":"\xff","finish_reason":"stop"}]}', Kind.NOT_JSON, id="not utf-8"),
        pytest.param(b"[" * 100_000, None, id="bottomless"),
    ],
)  # fmt: skip
def test_rubbish_is_a_fault(make, native, body, kind) -> None:
    """Nothing that a server sends raises."""
    translation, target = native
    fault = translation.answer(make(), target, Reply(200, (), body, dialect="openai"))
    assert isinstance(fault, Fault)
    assert kind is None or fault.kind is kind


@pytest.mark.parametrize(
    "asked",
    [{"stop": ["\n"]}, {"suffix": "end"}, {"max_tokens": 0, "echo": True}, {"logprobs": 1}],
    ids=["stop", "suffix", "no tokens", "logprobs"],
)
def test_an_answer_may_be_empty(make, native, asked) -> None:
    """Where the request allows it, nothing is an answer."""
    translation, target = native
    reply = completion(choices=[{"text": "", "index": 0, "finish_reason": "stop"}])
    assert isinstance(translation.answer(make(**asked), target, reply), Answer)


def test_a_native_stream_passes_and_means_chunks(make, native, sse) -> None:
    """Each event has the client's bytes and what they mean as a chat, at any chunk boundary."""
    translation, target = native
    pieces = [chunk(" a"), chunk(" time"), chunk(reason="stop"), chunk(choices=[], usage=USAGE)]
    data = sse(*pieces, b"data: [DONE]\n\n")
    for step in (1, 7, len(data)):
        reader = translation.reader(make(stream=True), target)
        events = [event for at in range(0, len(data), step) for event in reader.feed(data[at : at + step])]
        events += reader.close()
        kinds = [event.kind for event in events]
        assert kinds[:4] == [StreamKind.CONTENT, StreamKind.CONTENT, StreamKind.FINISH, StreamKind.USAGE]
        assert kinds[-1] is StreamKind.DONE
        assert b"".join(event.native for event in events) == data
        assert "".join(event.text for event in events) == " a time"
        assert events[3].usage == Usage(2, 3)
        assert b'"chat.completion.chunk"' in events[0].data


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        pytest.param([chunk(" a")], Kind.NO_FINISH, id="end without finish"),
        pytest.param([chunk(" a"), b"data: [DONE]\n\n"], Kind.NO_FINISH, id="done without finish"),
        pytest.param([chunk(" a"), chunk(reason="stop"), {"error": {"message": "boom"}}], None, id="error after finish"),
        pytest.param([chunk(reason="stop"), b"data: [DONE]\n\n"], Kind.EMPTY_ANSWER, id="nothing"),
        pytest.param([chunk(" a"), b'data: {"id": "x", "cho'], Kind.CUT_BODY, id="cut"),
        pytest.param([chunk(" a"), b'{"error": {"message": "boom"}}\n\n'], None, id="raw JSON"),
        pytest.param([chunk(" a"), b"data: <html>\n\n"], Kind.MALFORMED_ANSWER, id="html"),
    ],
)  # fmt: skip
def test_a_stream_that_failed_is_no_answer(make, native, sse, pieces, kind) -> None:
    """It ends with exactly one fault, and the bad event is not passed on."""
    translation, target = native
    reader = translation.reader(make(stream=True), target)
    events = reader.feed(sse(*pieces)) + reader.close()
    assert [event.kind for event in events].count(StreamKind.FAULT) == 1
    assert events[-1].kind is StreamKind.FAULT
    assert kind is None or events[-1].fault.kind is kind
    assert reader.feed(sse(chunk("x"))) == [] == reader.close()


def test_a_stream_cut_at_every_byte_is_no_success(make, native, sse) -> None:
    """Without the finish there is no DONE."""
    translation, target = native
    whole = sse(chunk(" a"), chunk(" time"), chunk(reason="stop"))
    finish = whole.index(b'"stop"')
    for at in range(finish):
        reader = translation.reader(make(stream=True), target)
        events = reader.feed(whole[:at]) + reader.close()
        assert events[-1].kind is StreamKind.FAULT, at
        assert sum(event.kind in (StreamKind.DONE, StreamKind.FAULT) for event in events) == 1


def test_every_prompt_and_choice_must_finish(make, native, sse) -> None:
    """Two prompts of two choices each are whole with four finishes."""
    translation, target = native
    ends = [chunk(choices=[{"text": "x", "index": index, "finish_reason": "stop"}]) for index in range(4)]
    for count, last in ((3, StreamKind.FAULT), (4, StreamKind.DONE)):
        reader = translation.reader(make(prompt=["a", "b"], n=2, stream=True), target)
        events = reader.feed(sse(*ends[:count])) + reader.close()
        assert events[-1].kind is last


def test_a_cut_answer_is_gone_on_with_as_a_chat(make, native, make_target) -> None:
    """OpenAI's own completing models know no chats; a compatible server may know both."""
    translation, target = native
    chat = replace(make(stream=True), continues=True)
    assert translation.unfit(chat, target) == "no chat completions"
    other = Target("v", "m", "openai")
    compatible = COMPLETIONS.translation(Compatible(FLAVOURS["vllm"]), other)
    assert compatible.unfit(chat, other) is None
    assert compatible.call(chat, other, None).path == "/chat/completions"
