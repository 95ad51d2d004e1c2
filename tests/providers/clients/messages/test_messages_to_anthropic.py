"""Messages on Anthropic: what passes as it is, and what doesn't."""

from dataclasses import replace

import msgspec
import pytest

from halfopen.model import Fault, Kind, Reply
from halfopen.providers import DIALECTS
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.contract import Answer

HEADERS = {
    "anthropic-version": "2023-01-01",
    "anthropic-beta": "x-2026",
    "authorization": "Bearer of-the-client",
}


def text(value):
    return {"type": "text", "text": value}


def thought(signature):
    return {"type": "thinking", "thinking": "hm", "signature": signature}


USE = {"type": "tool_use", "id": "t", "name": "f", "input": {"n": 12345678901234567890123, "x": 1.0}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]}


@pytest.fixture
def pair(lab):
    return MESSAGES.translation(ANTHROPIC, lab.target())


def sent(pair, lab, chat, **target):
    return msgspec.json.decode(pair.call(chat, lab.target(**target), "k").body)


def test_the_body_passes_byte_for_byte(lab, pair) -> None:
    """Asked for by its own name, the model gets exactly what the client sent."""
    chat = lab.parse(new_field={"a": [1, 2.50]}, tools=[{"type": "bash_20250124", "name": "bash"}])
    assert pair.unfit(chat, lab.target()) is None
    assert pair.adapted(chat, lab.target()) == ()
    assert pair.call(chat, lab.target(), None).body is chat.origin.body


def test_only_the_model_changes(lab, pair) -> None:
    """Under another name every other field keeps its bytes."""
    chat = lab.parse(metadata={"user_id": "ü", "n": 1.50}, stream=True)
    call = pair.call(chat, lab.target(model="claude-opus-4-5"), "k")
    before, after = (
        msgspec.json.decode(each, type=dict[str, msgspec.Raw]) for each in (chat.origin.body, call.body)
    )
    assert after.pop("model") == msgspec.Raw(b'"claude-opus-4-5"')
    del before["model"]
    assert after == before


def test_headers(lab, pair) -> None:
    """The client's version and betas go along; its credentials don't."""
    call = pair.call(lab.parse(headers=HEADERS, stream=True), lab.target(), "k")
    assert call.path == "/v1/messages"
    assert dict(call.headers) == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "anthropic-version": "2023-01-01",
        "anthropic-beta": "x-2026",
        "x-api-key": "k",
    }
    plain = dict(pair.call(lab.parse(), lab.target(), None).headers)
    assert plain["anthropic-version"] == "2023-06-01"
    assert "x-api-key" not in plain


def test_unsigned_thoughts_leave_the_history(lab, pair) -> None:
    """Thoughts of a stand-in are left out; signed ones and every number keep their bytes."""
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [thought("sig"), text("b")]},
        {"role": "user", "content": '"thinking"'},
        {"role": "assistant", "content": [thought(""), {"type": "thinking", "thinking": "x"}]},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": [thought(""), USE]},
        RESULT,
    ]
    chat = lab.parse(turns)
    raw = pair.call(chat, lab.target(), "k").body
    assert b'"n":12345678901234567890123,"x":1.0' in raw
    messages = msgspec.json.decode(raw)["messages"]
    assert messages == [
        turns[0],
        turns[1],
        turns[2],
        turns[4],
        {"role": "assistant", "content": [USE]},
        RESULT,
    ]


@pytest.mark.parametrize(
    ("thinking", "signature", "kept"),
    [
        pytest.param({"type": "enabled", "budget_tokens": 1024}, "", False, id="enabled and unsigned"),
        pytest.param({"type": "enabled", "budget_tokens": 1024}, "s", True, id="enabled and signed"),
        pytest.param({"type": "adaptive"}, "", True, id="adaptive"),
    ],
)
def test_thinking_is_off_where_it_can_not_go_on(lab, pair, thinking, signature, kept) -> None:
    """Thinking with a budget wants the thoughts of the latest turn; without them it is turned off."""
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [thought(signature), USE]},
        RESULT,
    ]
    body = sent(pair, lab, lab.parse(turns, thinking=thinking))
    assert body["thinking"] == (thinking if kept else {"type": "disabled"})


@pytest.mark.parametrize(
    ("fields", "able", "reason"),
    [
        pytest.param(
            {"tools": [{"name": "f", "input_schema": {}}]}, {"tools": False}, "no tools", id="tools"
        ),
        pytest.param({"max_tokens": 99}, {"output_tokens": 9}, "at most 9", id="max_tokens"),
        pytest.param({"temperature": 0.5}, {"sampling": False}, "sampling", id="temperature"),
        pytest.param({"thinking": {"type": "adaptive"}}, {"reasoning": False}, None, id="thinking"),
        pytest.param(
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            {"prefill": False},
            "can't be continued",
            id="prefill",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            {"prefill": True},
            None,
            id="prefill that it has",
        ),
    ],
)
def test_capabilities_are_checked(lab, pair, fields, able, reason) -> None:
    """A model that can't do what is asked for is passed over with the reason."""
    found = pair.unfit(lab.parse(fields.pop("messages", None), **fields), lab.target(**able))
    assert found is None if reason is None else reason in found


GOOD = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}


def test_a_good_answer_passes_byte_for_byte(lab, pair) -> None:
    """The client gets the bytes, and we know how it ended and what it cost."""
    raw = msgspec.json.encode(
        {**GOOD, "content": [text("a")], "usage": {"input_tokens": 3, "output_tokens": 2}}
    )
    answer = pair.answer(lab.parse(), lab.target(), Reply(200, body=b" " + raw))
    assert isinstance(answer, Answer)
    assert answer.body == b" " + raw
    assert answer.finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.output_tokens == 2


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param({"content": []}, Kind.EMPTY_ANSWER, id="empty"),
        pytest.param({"stop_reason": None}, Kind.NO_FINISH, id="no stop reason"),
        pytest.param(
            {"type": "error", "error": {"type": "overloaded_error", "message": "x"}},
            Kind.OVERLOADED,
            id="error",
        ),
    ],
)
def test_a_bad_answer_is_a_fault(lab, pair, change, kind) -> None:
    """A 200 that is no answer does not pass."""
    body = msgspec.json.encode({**GOOD, "content": [text("a")], **change})
    fault = pair.answer(lab.parse(), lab.target(), Reply(200, body=body, dialect="anthropic"))
    assert isinstance(fault, Fault)
    assert fault.kind is kind


def test_a_compaction_is_an_answer(lab, pair) -> None:
    """Where the client let Anthropic compact the conversation, that is how an answer can end."""
    body = msgspec.json.encode(
        {**GOOD, "stop_reason": "compaction", "content": [{"type": "compaction", "content": "s"}]}
    )
    answer = pair.answer(lab.parse(), lab.target(), Reply(200, body=body))
    assert isinstance(answer, Answer)
    assert answer.body == body


def test_a_continuation_goes_out_as_a_chat(lab, pair) -> None:
    """What continues a cut answer is no longer the client's request, and its answer comes as chunks."""
    chat = lab.parse(thinking={"type": "adaptive"}, stream=True)
    messages = [*chat.deep["messages"], {"role": "assistant", "content": "The answer"}]
    body = msgspec.json.encode({**chat.fields, "messages": messages})
    chat = replace(chat, body=body, continues=True)
    target = lab.target(prefill=True, model="claude-opus-4-5")
    assert pair.unfit(chat, target) is None
    assert sent(pair, lab, chat, prefill=True)["messages"][-1] == {
        "role": "assistant",
        "content": [text("The answer")],
    }
    reader = pair.reader(chat, target)
    assert not any(event.native for event in reader.feed(lab.stream("anthropic_text")))


@pytest.mark.parametrize(
    ("dialect", "kind"),
    [
        pytest.param("openai", "Fitted", id="openai"),
        pytest.param("gemini", "Fitted", id="gemini"),
        pytest.param("anthropic", "MessagesToAnthropic", id="anthropic"),
    ],
)
def test_each_provider_has_its_pair(lab, dialect, kind) -> None:
    """Only Anthropic's own dialect passes natively."""
    assert type(MESSAGES.translation(DIALECTS[dialect], lab.target(dialect))).__name__ == kind
