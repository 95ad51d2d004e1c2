"""Whole answers, good and bad."""

import msgspec
import pytest
from openai.types.chat import ChatCompletion

from halfopen.model import Fault, Kind, Usage, Verdict
from halfopen.providers.contract import Answer
from halfopen.providers.gemini import GEMINI

USAGE = {
    "promptTokenCount": 11,
    "candidatesTokenCount": 4,
    "thoughtsTokenCount": 58,
    "cachedContentTokenCount": 3,
    "toolUsePromptTokenCount": 2,
    "totalTokenCount": 75,
}


def answer_of(*parts, finish="STOP", **more):
    return {
        "candidates": [
            {"content": {"parts": list(parts), "role": "model"}, "finishReason": finish, "index": 0}
        ],
        "usageMetadata": USAGE,
        "modelVersion": "gemini-2.5-flash-001",
        "responseId": "r1",
    } | more


def call_of(name="f", args=None, **more):
    return {"functionCall": {"name": name, "args": args or {}} | more}


@pytest.fixture
def judge(chat, target, reply):
    def make(value, date=None, **fields):
        return GEMINI.answer(chat(**fields), target(), reply(value, date))

    return make


def parsed(answer):
    assert isinstance(answer, Answer), answer
    return ChatCompletion.model_validate(msgspec.json.decode(answer.body), strict=True)


def test_text(judge):
    """A text becomes a chat completion that the official client accepts."""
    answer = judge(answer_of({"text": "Par"}, {"text": "is"}), date="Sun, 06 Nov 1994 08:49:37 GMT")
    completion = parsed(answer)
    assert completion.choices[0].message.content == "Paris"
    assert completion.choices[0].finish_reason == answer.finish_reason == "stop"
    assert (completion.id, completion.model, completion.created) == (
        "chatcmpl-r1",
        "gemini-2.5-flash-001",
        784111777,
    )


def test_usage(judge):
    """Thoughts count as output, results of Gemini's own tools as input."""
    answer = judge(answer_of({"text": "x"}))
    assert answer.usage == Usage(13, 62, 3, 58)
    usage = parsed(answer).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (13, 62, 75)
    assert usage.completion_tokens_details.reasoning_tokens == 58
    assert usage.prompt_tokens_details.cached_tokens == 3


def test_odd_usage_counts_as_nothing(judge):
    """Counts that make no sense don't spoil a good answer."""
    answer = judge(
        answer_of({"text": "x"}, usageMetadata={"promptTokenCount": -1, "candidatesTokenCount": "4"})
    )
    assert answer.usage == Usage()


def test_an_answer_without_usage(judge):
    """No count is no usage."""
    answer = judge(answer_of({"text": "x"}, usageMetadata=None))
    assert answer.usage is None
    assert parsed(answer).usage is None


@pytest.mark.parametrize("date", [pytest.param(None, id="none"), pytest.param("yesterday", id="unreadable")])
def test_created_without_a_date(judge, date):
    """Without a date there is no time of creation."""
    assert parsed(judge(answer_of({"text": "x"}), date=date)).created == 0


def test_parallel_calls(judge):
    """Calls keep their order, arguments and signature; ids are stable and differ."""
    value = answer_of(
        {"text": "Let me see."},
        call_of("a", {"x": [1, "ü"]}) | {"thoughtSignature": "EjQK"},
        call_of("b", id="given-1"),
        call_of("a", id="x" * 60),
    )
    answer = judge(value)
    message = parsed(answer).choices[0].message
    calls = message.tool_calls
    assert [call.function.name for call in calls] == ["a", "b", "a"]
    assert msgspec.json.decode(calls[0].function.arguments) == {"x": [1, "ü"]}
    assert calls[1].id == "given-1"
    assert len({call.id for call in calls}) == 3
    assert all(len(call.id) <= 40 for call in calls)
    assert calls[0].model_extra == {"extra_content": {"google": {"thought_signature": "EjQK"}}}
    assert answer.finish_reason == "tool_calls"
    assert judge(value).body == answer.body


def test_a_call_goes_back_as_it_came(judge, body):
    """The assistant message that a client sends back gives Gemini its own parts again."""
    part = call_of("f", {"x": 1}, id="fc1") | {"thoughtSignature": "EjQK"}
    message = parsed(judge(answer_of(part))).choices[0].message.model_dump()
    made = body(
        "gemini-3-flash-preview",
        messages=[
            {"role": "user", "content": "x"},
            message,
            {"role": "tool", "tool_call_id": "fc1", "content": "1"},
        ],
    )
    assert made["contents"][1] == {"role": "model", "parts": [part]}


def test_thoughts_and_signature(judge):
    """Thoughts are apart from the answer, and a text's signature is kept."""
    answer = judge(
        answer_of({"text": "Hm.", "thought": True}, {"text": "42"}, {"text": "", "thoughtSignature": "AbCd"})
    )
    message = parsed(answer).choices[0].message
    assert message.content == "42"
    assert message.model_extra["reasoning_content"] == "Hm."
    assert message.model_extra["extra_content"] == {"google": {"thought_signature": "AbCd"}}


def test_a_legacy_client_gets_function_call(judge):
    """Who asks with functions is answered with function_call."""
    functions = [{"name": "f"}]
    answer = judge(answer_of(call_of("f", {"x": 1})), functions=functions)
    message = parsed(answer).choices[0].message
    assert message.function_call.name == "f"
    assert message.tool_calls is None
    assert answer.finish_reason == "function_call"
    two = judge(answer_of(call_of(), call_of()), functions=functions)
    assert isinstance(two, Fault)


def test_several_candidates(judge):
    """Candidates become choices by their index."""
    value = answer_of()
    value["candidates"] = [
        {"content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS", "index": 1},
        {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP", "index": 0},
    ]
    completion = parsed(judge(value, n=2))
    assert [(each.index, each.message.content, each.finish_reason) for each in completion.choices] == [
        (0, "a", "stop"),
        (1, "b", "length"),
    ]
    assert judge(value).kind is Kind.MALFORMED_ANSWER


def test_logprobs(judge):
    """Log probabilities keep their order and their alternatives."""
    value = answer_of({"text": "Hé"})
    value["candidates"][0]["logprobsResult"] = {
        "chosenCandidates": [{"token": "Hé", "logProbability": -0.5}, {"token": 5}],
        "topCandidates": [{"candidates": [{"token": "Hé", "logProbability": -0.5}, {"token": "A"}]}],
    }
    content = parsed(judge(value, logprobs=True, top_logprobs=2)).choices[0].logprobs.content
    assert [(each.token, each.logprob, each.bytes) for each in content] == [("Hé", -0.5, [72, 195, 169])]
    assert [each.token for each in content[0].top_logprobs] == ["Hé", "A"]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("LANGUAGE", "content_filter"),
    ],
)
def test_finish_reasons(judge, reason, finish):
    """Gemini's finish reasons have their counterparts."""
    assert judge(answer_of({"text": "x"}, finish=reason)).finish_reason == finish


def test_a_filtered_answer_may_be_empty(judge):
    """An answer that a filter withheld says so itself."""
    answer = judge({"candidates": [{"finishReason": "SAFETY"}]})
    assert parsed(answer).choices[0].finish_reason == "content_filter"
    assert parsed(answer).choices[0].message.content is None


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param({"candidates": []}, Kind.EMPTY_ANSWER, id="no candidates"),
        pytest.param({}, Kind.EMPTY_ANSWER, id="empty object"),
        pytest.param(
            {"promptFeedback": {"blockReason": "SAFETY"}}, Kind.CONTENT_FILTERED, id="blocked prompt"
        ),
        pytest.param(answer_of(), Kind.EMPTY_ANSWER, id="no parts"),
        pytest.param(answer_of({"text": ""}), Kind.EMPTY_ANSWER, id="no text"),
        pytest.param(answer_of({"text": "Hm.", "thought": True}), Kind.EMPTY_ANSWER, id="thoughts only"),
        pytest.param(answer_of(finish="MAX_TOKENS"), Kind.EMPTY_ANSWER, id="limit before any text"),
        pytest.param(answer_of({"text": "x"}, finish=None), Kind.NO_FINISH, id="no finish"),
        pytest.param(
            answer_of({"text": "x"}, finish="MALFORMED_FUNCTION_CALL"), Kind.MALFORMED_ANSWER, id="bad call"
        ),
        pytest.param(
            answer_of({"text": "x"}, finish="UNEXPECTED_TOOL_CALL"), Kind.MALFORMED_ANSWER, id="odd call"
        ),
        pytest.param(answer_of({"text": "x"}, finish="OTHER"), Kind.MALFORMED_ANSWER, id="other"),
        pytest.param(
            answer_of({"text": "x"}, finish="NEW_REASON"), Kind.MALFORMED_ANSWER, id="unknown reason"
        ),
        pytest.param(
            answer_of({"text": "x"}, finish="PUP_LIMITED_DISABLED"), Kind.FORBIDDEN, id="account disabled"
        ),
        pytest.param(answer_of({"text": "x"}, finish=5), Kind.MALFORMED_ANSWER, id="finish no text"),
        pytest.param(answer_of({"text": 5}), Kind.MALFORMED_ANSWER, id="text no text"),
        pytest.param(answer_of("x"), Kind.MALFORMED_ANSWER, id="part no object"),
        pytest.param(answer_of({"inlineData": {}}), Kind.MALFORMED_ANSWER, id="image"),
        pytest.param(answer_of({"novelty": {}}), Kind.MALFORMED_ANSWER, id="unknown part"),
        pytest.param(
            answer_of({"functionCall": {"args": {}}}), Kind.MALFORMED_ANSWER, id="call without name"
        ),
        pytest.param(
            answer_of({"functionCall": {"name": "f", "args": []}}), Kind.MALFORMED_ANSWER, id="args"
        ),
        pytest.param(answer_of({"functionCall": "f"}), Kind.MALFORMED_ANSWER, id="call no object"),
        pytest.param(answer_of(call_of(willContinue=True)), Kind.MALFORMED_ANSWER, id="partial call"),
        pytest.param({"candidates": {}}, Kind.MALFORMED_ANSWER, id="candidates no list"),
        pytest.param({"candidates": [5]}, Kind.MALFORMED_ANSWER, id="candidate no object"),
        pytest.param({"candidates": [{"content": []}]}, Kind.MALFORMED_ANSWER, id="content no object"),
        pytest.param({"candidates": [{"content": {"parts": {}}}]}, Kind.MALFORMED_ANSWER, id="parts no list"),
        pytest.param({"candidates": [{"index": "0"}]}, Kind.MALFORMED_ANSWER, id="index no number"),
        pytest.param({"candidates": [{"index": 1}, {}]}, Kind.MALFORMED_ANSWER, id="index twice"),
    ],
)
def test_a_200_that_is_no_answer(judge, value, kind):
    """A good status with a bad body is a fault, never an answer."""
    fault = judge(value)
    assert isinstance(fault, Fault)
    assert fault.kind is kind
    assert fault.message


@pytest.mark.parametrize(
    ("value", "verdicts"),
    [
        pytest.param(
            {"error": {"code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded."}},
            {Verdict.RETRY, Verdict.FAILOVER},
            id="error object",
        ),
        pytest.param(
            [{"error": {"code": 500, "status": "INTERNAL", "message": "Internal error."}}],
            {Verdict.RETRY, Verdict.FAILOVER},
            id="error list",
        ),
        pytest.param(b"<!DOCTYPE html><html><title>Sign in</title></html>", set(Verdict), id="HTML"),
        pytest.param(b"", set(Verdict), id="nothing"),
        pytest.param(b'{"candidates": [', set(Verdict), id="cut JSON"),
        pytest.param(b"[" * 100_000, set(Verdict), id="deep JSON"),
        pytest.param([], set(Verdict), id="empty list"),
        pytest.param("text", set(Verdict), id="JSON text"),
    ],
)
def test_errors_inside_a_200(judge, value, verdicts):
    """An error inside a 200 is the error that it is."""
    fault = judge(value)
    assert isinstance(fault, Fault)
    assert fault.verdict in verdicts


def test_created_without_a_date_is_the_drivers_time(chat, target, reply):
    """The reply's date goes first, then the time that the driver gives."""
    for date, expected in (("Sun, 06 Nov 1994 08:49:37 GMT", 784111777), (None, 1700000000)):
        answer = GEMINI.answer(chat(), target(), reply(answer_of({"text": "x"}), date), created_s=1700000000)
        assert parsed(answer).created == expected


@pytest.mark.parametrize(
    ("fields", "fine"),
    [
        pytest.param({}, False, id="plain"),
        pytest.param({"stop": ["END"]}, True, id="stop"),
        pytest.param({"messages": [{"role": "function", "name": "f", "content": "4"}]}, True, id="function"),
    ],
)
def test_an_empty_answer_that_has_a_reason(judge, fields, fine):
    """Before a stop sequence and after a tool's result the model may say nothing; otherwise it failed."""
    judged = judge(answer_of(), **fields)
    if fine:
        assert parsed(judged).choices[0].message.content == ""
    else:
        assert judged.kind is Kind.EMPTY_ANSWER
    assert judge(answer_of(finish="MAX_TOKENS"), **fields).kind is Kind.EMPTY_ANSWER
