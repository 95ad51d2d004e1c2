"""Messages on Anthropic: what passes as it is, and what doesn't."""

from dataclasses import replace

import msgspec
import pytest

from halfopen.model import Fault, Kind, Reply, Target
from halfopen.providers import DIALECTS
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.messages import COUNT_TOKENS, MESSAGES
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


BUDGET = {"type": "enabled", "budget_tokens": 1024}
ASKED = {"role": "user", "content": "a"}


def said(*blocks):
    return {"role": "assistant", "content": list(blocks)}


@pytest.mark.parametrize(
    ("turns", "kept"),
    [
        pytest.param([ASKED, said(USE), RESULT], False, id="a stand-in began the turn"),
        pytest.param([ASKED, said(text("b"), USE), RESULT], False, id="with text"),
        pytest.param([ASKED, said(USE), RESULT, said(USE), RESULT], False, id="later in its loop"),
        pytest.param([ASKED, said(thought(""), USE), RESULT], False, id="unsigned thoughts"),
        pytest.param([ASKED, said(thought("s"), USE), RESULT], True, id="signed thoughts"),
        pytest.param(
            [ASKED, said({"type": "redacted_thinking", "data": "x"}, USE), RESULT], True, id="redacted"
        ),
        pytest.param(
            [ASKED, said(thought("s"), USE), RESULT, said(USE), RESULT], True, id="Claude went on unthinking"
        ),
        pytest.param(
            [ASKED, said(thought("s"), USE), RESULT, said(thought(""), USE), RESULT],
            True,
            id="a stand-in went on",
        ),
        pytest.param([ASKED, said(USE), RESULT, said(text("b")), ASKED], True, id="the turn is over"),
        pytest.param([ASKED, said(thought(""), text("b")), ASKED], True, id="no tools"),
        pytest.param([ASKED, said(text("b"))], True, id="a beginning to go on with"),
        pytest.param([RESULT], True, id="a result of nothing"),
        pytest.param([{"role": "user", "content": '"tool_result"'}], True, id="the mere word"),
    ],
)
def test_thinking_needs_thoughts_where_a_turn_began(lab, turns, kept) -> None:
    """With a budget, the turn that tool results go on with must begin with Claude's own thoughts."""
    chat = lab.parse(turns, thinking=BUDGET)
    call = MESSAGES.translation(ANTHROPIC, lab.target()).call(chat, lab.target(), "k")
    assert msgspec.json.decode(call.body)["thinking"] == (BUDGET if kept else {"type": "disabled"})


def test_thinking_stays_where_it_becomes_adaptive(lab, pair) -> None:
    """A model that gets adaptive thinking instead of a budget needs no thoughts to go on from."""
    body = sent(pair, lab, lab.parse([ASKED, said(USE), RESULT], thinking=BUDGET), model="claude-opus-5")
    assert body["thinking"]["type"] == "adaptive"


CLEAR_THOUGHTS = {"type": "clear_thinking_20251015", "keep": "all"}
CLEAR_RESULTS = {"type": "clear_tool_uses_20250919", "keep": {"type": "tool_uses", "value": 3}}


@pytest.mark.parametrize(
    ("edits", "left"),
    [
        pytest.param([CLEAR_THOUGHTS], None, id="thoughts only"),
        pytest.param([CLEAR_THOUGHTS, CLEAR_RESULTS], {"edits": [CLEAR_RESULTS]}, id="results too"),
        pytest.param([CLEAR_RESULTS], {"edits": [CLEAR_RESULTS]}, id="results only"),
        pytest.param(["clear_thinking_"], {"edits": ["clear_thinking_"]}, id="no edits"),
    ],
)
@pytest.mark.parametrize(
    ("model", "thinking", "turns"),
    [
        pytest.param("claude-opus-4-6", {"type": "adaptive"}, [ASKED], id="a model that isn't adaptive"),
        pytest.param("claude-haiku-4-5", BUDGET, [ASKED, said(USE), RESULT], id="no thoughts to go on"),
    ],
)
def test_thoughts_are_not_cleared_where_thinking_is_off(
    lab, pair, model, thinking, turns, edits, left
) -> None:
    """Anthropic refuses to clear thoughts without thinking, so whoever turns it off takes that out."""
    chat = lab.parse(turns, model=model, thinking=thinking, context_management={"edits": edits})
    assert sent(pair, lab, chat).get("context_management") == left


def test_thoughts_are_cleared_where_thinking_stays(lab, pair) -> None:
    """The edits pass with the model's name changed."""
    management = {"edits": [CLEAR_THOUGHTS]}
    chat = lab.parse(thinking=BUDGET, context_management=management)
    assert sent(pair, lab, chat, model="claude-sonnet-4-5")["context_management"] == management


@pytest.mark.parametrize("thinking", [None, 5, "x", {"type": 5}, []], ids=str)
def test_thinking_of_no_known_shape_is_anthropics_to_refuse(thinking) -> None:
    """Nothing raises: a count goes out with what was asked, and without unsigned thoughts."""
    turns = [ASKED, said(thought(""), text("b")), ASKED]
    body = msgspec.json.encode({"model": "m", "thinking": thinking, "messages": turns})
    ask = COUNT_TOKENS.parse(ClientRequest("/v1/messages/count_tokens", {}, {}, body))
    target = Target("p", "claude-haiku-4-5", "anthropic")
    sent_body = COUNT_TOKENS.translation(ANTHROPIC, target).call(ask, target, "k").body
    made = msgspec.json.decode(sent_body)
    assert made["messages"] == [ASKED, said(text("b")), ASKED]
