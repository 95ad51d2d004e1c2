"""Where the target speaks the Responses API, requests and answers pass as they are."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import openai
import pytest

from halfopen.model import Capabilities, Fault, Kind, Reply, Target, TransportError
from halfopen.providers.ask import Ask
from halfopen.providers.chat import Chat
from halfopen.providers.clients.composed import Composed
from halfopen.providers.clients.responses import RESPONSES
from halfopen.providers.clients.responses.native_stream import ResponsesReader
from halfopen.providers.clients.responses.responses_to_openai import Native
from halfopen.providers.compatible import Compatible
from halfopen.providers.compatible.azure import AZURE
from halfopen.providers.compatible.vllm import VLLM
from halfopen.providers.contract import Answer, Translation
from halfopen.providers.openai import OPENAI

MakeChat = Callable[..., Chat]
MakeTarget = Callable[..., Target]


def _native(target: Target) -> Translation:
    translation = RESPONSES.translation(OPENAI, target)
    assert isinstance(translation, Native)
    return translation


def test_call(ask: MakeChat, make_target: MakeTarget) -> None:
    """The request passes byte for byte, with the key."""
    chat, target = ask(tools=[{"type": "web_search"}], previous_response_id="resp_1"), make_target()
    call = _native(target).call(chat, target, "k")
    assert chat.origin is not None
    assert (call.path, call.body) == ("/responses", chat.origin.body)
    assert dict(call.headers) == {
        "content-type": "application/json",
        "accept": "application/json",
        "authorization": "Bearer k",
    }
    assert _native(target).unfit(chat, target) is None
    assert _native(target).adapted(chat, target) == ()


def test_stream_call(ask: MakeChat, make_target: MakeTarget) -> None:
    """A stream is asked for as the client asked, without options that this API does not know."""
    target = make_target()
    call = _native(target).call(ask(stream=True), target, None)
    assert json.loads(call.body) == {"model": "gpt-4o", "input": "Hi", "stream": True}
    assert ("accept", "text/event-stream") in call.headers


def test_other_model(ask: MakeChat) -> None:
    """Another model's name goes into the body, without fields that it refuses by name and that ask for nothing."""
    bare = Capabilities(sampling=False, reasoning=False, logprobs=False)
    target = Target("openai", "gpt-x", "openai", bare)
    chat = ask(
        temperature=1,
        reasoning={"effort": None},
        include=["reasoning.encrypted_content", "message.input_image.image_url"],
        top_logprobs=0,
    )
    assert _native(target).unfit(chat, target) is None
    assert json.loads(_native(target).call(chat, target, None).body) == {
        "model": "gpt-x",
        "input": "Hi",
        "include": ["message.input_image.image_url"],
    }


OUR_REASONING = {"type": "reasoning", "id": "rs_halfopen_a_0", "summary": []}
THEIR_REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}
ENCRYPTED = THEIR_REASONING | {"encrypted_content": "xyz"}
OUR_CALL = {"type": "function_call", "id": "fc_halfopen_a_1", "call_id": "c", "name": "f", "arguments": "{}"}
THEIR_CALL = OUR_CALL | {"id": "fc_2", "call_id": "d"}
OUR_TEXT = {
    "type": "message",
    "id": "msg_halfopen_a_2",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
}
RESULT = {"type": "function_call_output", "call_id": "c", "output": "x"}
USER = {"role": "user", "content": "msg_halfopen_"}


def _bare(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "id"}


UNSTORED: dict[str, tuple[list[Any], list[Any]]] = {
    "all ours": ([OUR_REASONING, OUR_TEXT, USER], [_bare(OUR_TEXT), USER]),
    "ours, referred to": ([{"type": "item_reference", "id": "rs_halfopen_a_0"}, USER], [USER]),
    "begun by OpenAI, finished elsewhere": (
        [THEIR_REASONING, THEIR_CALL, OUR_CALL, RESULT, USER],
        [_bare(THEIR_CALL), _bare(OUR_CALL), RESULT, USER],
    ),
    "begun by OpenAI, which is referred to": (
        [{"type": "item_reference", "id": "rs_1"}, OUR_TEXT, USER],
        [_bare(OUR_TEXT), USER],
    ),
    "reasoning that stands for itself": ([ENCRYPTED, OUR_TEXT, USER], [ENCRYPTED, _bare(OUR_TEXT), USER]),
    "OpenAI's, in another turn": (
        [THEIR_REASONING, THEIR_CALL, RESULT, OUR_REASONING, OUR_TEXT, USER],
        [THEIR_REASONING, THEIR_CALL, RESULT, _bare(OUR_TEXT), USER],
    ),
    "odd items": ([7, {"type": 5, "id": "x"}, OUR_TEXT, USER], [7, {"type": 5, "id": "x"}, _bare(OUR_TEXT), USER]),
}  # fmt: skip


@pytest.mark.parametrize(("items", "sent"), UNSTORED.values(), ids=UNSTORED.keys())
def test_unstored_items(make_target: MakeTarget, items: list[Any], sent: list[Any]) -> None:
    """Nothing that OpenAI has not stored is sent to it by its id."""
    body = json.dumps({"model": "gpt-4o", "input": items}).encode()
    chat, target = Chat(b"{}", "gpt-4o", False, origin=Ask(body, "gpt-4o", stream=False)), make_target()
    assert json.loads(_native(target).call(chat, target, None).body)["input"] == sent


def test_stored_items(ask: MakeChat, make_target: MakeTarget) -> None:
    """A conversation with OpenAI alone passes byte for byte, even one that speaks of our ids."""
    chat, target = ask(input=[THEIR_REASONING, THEIR_CALL, RESULT, USER]), make_target()
    assert chat.origin is not None
    assert _native(target).call(chat, target, None).body == chat.origin.body


def test_unfit(ask: MakeChat) -> None:
    """What the model can't do passes it over, and tools with effort are no reason here."""
    chat = ask(tools=[{"type": "function", "name": "f"}], reasoning={"effort": "low"}, model="gpt-5.6-mini")
    target = Target("openai", "gpt-5.6-mini", "openai", Capabilities(reasoning=True))
    assert _native(target).unfit(chat, target) is None
    assert OPENAI.unfit(chat, target) == "no tools together with reasoning_effort"
    assert _native(target).unfit(chat, replace(target, capabilities=Capabilities(tools=False))) == "no tools"


def test_continued(ask: MakeChat, make_target: MakeTarget) -> None:
    """What goes on with a cut answer is a chat: the request as it was would begin anew."""
    target = make_target()
    chat = replace(ask(stream=True), continues=True)
    native = _native(target)
    assert native.call(chat, target, None).path == "/chat/completions"
    assert not isinstance(native.reader(chat, target), ResponsesReader)
    assert isinstance(native.reader(ask(stream=True), target), ResponsesReader)
    assert native.unfit(replace(chat, native_only="tools run at OpenAI"), target) == "tools run at OpenAI"
    assert "not stored" in native.adapted(chat, target)


@pytest.mark.parametrize("speaks", [True, False], ids=["that speaks it", "that does not"])
def test_compatible(ask: MakeChat, speaks: bool) -> None:
    """A compatible server gets the request as it is, or as a chat; the key goes where it takes it."""
    spoken = frozenset(("responses",)) if speaks else frozenset[str]()
    dialect = Compatible(replace(AZURE, speaks=spoken))
    target = Target("azure", "deployed", "openai")
    translation = RESPONSES.translation(dialect, target)
    assert isinstance(translation, Native if speaks else Composed)
    call = translation.call(ask(), target, "k")
    assert call.path == ("/responses" if speaks else "/chat/completions")
    assert ("api-key", "k") in call.headers


def test_compatible_answer(ask: MakeChat, client: Callable[..., openai.OpenAI]) -> None:
    """The chat completion of a server that knows nothing else is a Response for the client."""
    message = {"role": "assistant", "content": "Hi"}
    completion = {
        "id": "x",
        "model": "q",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    dialect = Compatible(replace(VLLM, speaks=frozenset()))
    target = Target("vllm", "q", "openai")
    translation = RESPONSES.translation(dialect, target)
    answer = translation.answer(ask(), target, Reply(200, (), json.dumps(completion).encode()))
    assert isinstance(answer, Answer)
    assert client(answer.body).responses.create(model="m", input="x").output_text == "Hi"


MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}  # fmt: skip
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}


def _body(**fields: Any) -> bytes:
    response = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "error": None,
        "output": [MESSAGE],
    }
    usage = {
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
    }
    return json.dumps(response | {"usage": usage} | fields).encode()


GOOD = {
    "text": ({}, {}, "stop"),
    "a call": ({}, {"output": [MESSAGE, CALL]}, "tool_calls"),
    "a hosted tool": ({}, {"output": [{"type": "image_generation_call"}]}, "stop"),
    "cut by the limit": ({}, {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}, "length"),
    "cut by the filter": ({}, {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
    "in the background": ({"background": True}, {"status": "queued", "output": []}, "queued"),
    "empty after a tool": (
        {"input": [CALL, {"type": "function_call_output", "call_id": "c", "output": "x"}]},
        {"output": []},
        "stop",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "fields", "finish"), GOOD.values(), ids=GOOD.keys())
def test_answer(
    ask: MakeChat, make_target: MakeTarget, asked: dict[str, Any], fields: dict[str, Any], finish: str
) -> None:
    """A good answer passes byte for byte, with its finish reason and its usage."""
    body, target = _body(**fields), make_target()
    answer = _native(target).answer(ask(**asked), target, Reply(200, (), body))
    assert isinstance(answer, Answer), answer
    assert (answer.body, answer.finish_reason) == (body, finish)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.reasoning_tokens) == (3, 4, 2)


def test_odd_usage(ask: MakeChat, make_target: MakeTarget) -> None:
    """Token counts that make no sense never spoil an answer."""
    target = make_target()
    answer = _native(target).answer(ask(), target, Reply(200, (), _body(usage={"input_tokens": "many"})))
    assert isinstance(answer, Answer)
    assert answer.usage is None


BAD = {
    "failed": (Reply(200, (), _body(status="failed", error={"code": "server_error", "message": "Boom"})), Kind.SERVER_ERROR),
    "failed without a reason": (Reply(200, (), _body(status="failed")), Kind.ERROR_EVENT),
    "flagged": (Reply(200, (), _body(status="failed", error={"code": "invalid_prompt", "message": "No"})), Kind.CONTENT_FILTERED),
    "cancelled": (Reply(200, (), _body(status="cancelled")), Kind.CANCELLED),
    "an error in a 200": (Reply(200, (), b'{"error":{"code":"server_error","message":"x"}}'), Kind.SERVER_ERROR),
    "empty": (Reply(200, (), _body(output=[])), Kind.EMPTY_ANSWER),
    "thoughts only": (Reply(200, (), _body(output=[{"type": "reasoning", "summary": []}])), Kind.EMPTY_ANSWER),
    "a message without text": (Reply(200, (), _body(output=[MESSAGE | {"content": []}])), Kind.EMPTY_ANSWER),
    "still running": (Reply(200, (), _body(status="in_progress")), Kind.NO_FINISH),
    "without a status": (Reply(200, (), _body(status=None)), Kind.MALFORMED_ANSWER),
    "cut": (Reply(200, (), _body()[:-5]), Kind.CUT_BODY),
    "a page": (Reply(200, (), b"<html><title>502</title></html>"), Kind.NOT_JSON),
    "no UTF-8": (Reply(200, (), _body(instructions="?").replace(b"?", b"\xff")), Kind.NOT_JSON),
    "a status of 500": (Reply(500, (), b"{}"), Kind.SERVER_ERROR),
    "a reset": (Reply(transport=TransportError.RESET), Kind.CONNECTION_RESET),
}  # fmt: skip


@pytest.mark.parametrize(("reply", "kind"), BAD.values(), ids=BAD.keys())
def test_no_answer(ask: MakeChat, make_target: MakeTarget, reply: Reply, kind: Kind) -> None:
    """A reply that is no answer is a fault of its kind, whatever its status."""
    target = make_target()
    fault = _native(target).answer(ask(), target, reply)
    assert isinstance(fault, Fault)
    assert fault.kind is kind
