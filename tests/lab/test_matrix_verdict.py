"""The verdict on what clients saw: every lie is a fail, whatever the client, and every truth is not."""

import zlib
from dataclasses import replace

import msgspec
import openai
import pytest

from halfopen import errors
from halfopen.lab import Place, continued_text, expected_text, faults
from halfopen.lab.answer import tokens
from halfopen.lab.instance import instance
from halfopen.lab.matrix import Case, Evidence, Result, judge
from halfopen.lab.matrix.case import MODELS, TOOL_NAMES
from halfopen.lab.matrix.seen import TOOL_SCHEMA, Seen, SeenCall, Told, embedded_texts
from halfopen.lab.matrix.spent import Input
from halfopen.lab.vector import vector
from halfopen.model import Kind

PROMPT = "Row 7 of stream"
CUT = faults.load("stream_cut_after_content")
PRIMARY = expected_text("openai", MODELS["openai"], PROMPT)
BACKUP = expected_text("anthropic", MODELS["anthropic"], PROMPT)
BEGINNING = "".join(tokens(PRIMARY)[:6])
REST = continued_text("anthropic", MODELS["anthropic"], PROMPT, BEGINNING)
GIVEN = (20, 31)
"""Input tokens of the call to the primary and to the backup."""


def case_of(client="messages", point="event:7", **changed):
    return Case(CUT, "stream", "openai", client, point, **changed)


def answer(text, made=None, given=GIVEN[1], finish="stop", **changed):
    made = len(tokens(REST)) if made is None else made
    return Seen(text=text, finish=[finish], usage=(given, made, given + made), requests=1, **changed)


def evidence(seen, kind="content", contents=6, calls=(1, 1), **changed):
    place = Place(7, kind, 900, contents)
    given = {
        "primary_given": [Input(GIVEN[0], GIVEN[0])] * calls[0],
        "backup_given": [Input(GIVEN[1], GIVEN[1])] * calls[1],
    }
    return Evidence([seen], PROMPT, calls[0], *calls, place=place, **{**given, **changed})


def broken(text="", explicit=True, native=None, **changed):
    error = openai.OpenAIError("the upstream broke off")
    told = Told(explicit, message="the upstream broke off", native=native)
    return Seen(text=text, error=error, told=told, requests=1, **changed)


def calls(provider="anthropic", prompt=PROMPT, arguments=None, names=TOOL_NAMES):
    text = msgspec.json.encode(instance(TOOL_SCHEMA)).decode() if arguments is None else arguments
    made = []
    for place, name in enumerate(names):
        seed = f"{MODELS[provider]}\0{prompt}\0{name}\0{place}"
        made.append(SeenCall(name, text, f"toolu_{zlib.crc32(seed.encode()):08x}"))
    return made


def called(made, finish="tool_calls", **changed):
    return Seen(calls=made, finish=[finish], usage=(31, 20, 51), requests=1, **changed)


WITHOUT_A_WORD = REST.replace(tokens(REST)[1], "", 1)
CONTINUED = [
    pytest.param(answer(BEGINNING + REST), Result.PASS, "went on with", id="one-text"),
    pytest.param(
        answer(BEGINNING + REST, given=51, made=6 + len(tokens(REST))),
        Result.PASS,
        "went on",
        id="usage-of-both",
    ),
    pytest.param(
        answer(BACKUP, made=len(tokens(BACKUP))), Result.PASS, "from the backup", id="all-from-backup"
    ),
    pytest.param(answer(BEGINNING), Result.FAIL, "truncated answer", id="truncated"),
    pytest.param(
        answer(BEGINNING + REST[:-9]), Result.FAIL, "truncated answer", id="continued-and-truncated"
    ),
    pytest.param(
        answer(BEGINNING + tokens(BEGINNING)[-1] + REST),
        Result.FAIL,
        "wrong answer",
        id="a-word-twice-at-the-seam",
    ),
    pytest.param(answer(BEGINNING + WITHOUT_A_WORD), Result.FAIL, "wrong answer", id="a-word-lost"),
    pytest.param(answer(BEGINNING + REST.lstrip()), Result.FAIL, "wrong answer", id="a-blank-lost"),
    pytest.param(answer(BEGINNING[:-1] + REST), Result.FAIL, "wrong answer", id="a-letter-lost"),
    pytest.param(answer(BEGINNING + " " + REST), Result.FAIL, "wrong answer", id="a-blank-too-many"),
    pytest.param(answer(BEGINNING + BACKUP), Result.FAIL, "wrong answer", id="begun-anew"),
    pytest.param(
        answer("".join(tokens(BACKUP)[:3]) + REST), Result.FAIL, "wrong answer", id="behind-another-beginning"
    ),
    pytest.param(
        replace(answer(BEGINNING + REST), finish=[]), Result.FAIL, "finish reasons []", id="no-finish"
    ),
    pytest.param(
        replace(answer(BEGINNING + REST), finish=["stop", "stop"]),
        Result.FAIL,
        "instead of one",
        id="two-finishes",
    ),
    pytest.param(
        answer(BEGINNING + REST, finish="length"), Result.FAIL, "instead of one", id="another-finish"
    ),
    pytest.param(
        replace(answer(BEGINNING + REST), usage=None), Result.FAIL, "no token counts", id="no-usage"
    ),
    pytest.param(
        answer(BEGINNING + REST, given=30), Result.FAIL, "30 input tokens", id="less-input-than-the-backup"
    ),
    pytest.param(
        answer(BEGINNING + REST, given=52), Result.FAIL, "52 input tokens", id="more-input-than-both"
    ),
    pytest.param(answer(BEGINNING + REST, made=1), Result.FAIL, "1 output tokens", id="too-little-output"),
    pytest.param(answer(BEGINNING + REST, made=999), Result.FAIL, "999 output tokens", id="too-much-output"),
    pytest.param(
        replace(answer(BEGINNING + REST), usage=(31, 40, 70)),
        Result.FAIL,
        "31 + 40 is not 70",
        id="a-wrong-total",
    ),
    pytest.param(
        answer(BEGINNING + REST, oddities=["message_stop after message_stop"]),
        Result.FAIL,
        "after message_stop",
        id="two-ends",
    ),
    pytest.param(
        replace(answer(BEGINNING + REST), requests=2),
        Result.FAIL,
        "request 2 times",
        id="repeated-by-the-client",
    ),
    pytest.param(
        answer(BEGINNING + REST, headers={"x-halfopen-upstream": "claude/claude-haiku-4-5"}),
        Result.FAIL,
        "x-halfopen-upstream",
        id="named-after-the-backup",
    ),
    pytest.param(
        broken(BEGINNING), Result.FAIL, "the backup was there", id="an-error-where-the-backup-can-go-on"
    ),
    pytest.param(replace(broken(BEGINNING), timed_out=True), Result.FAIL, "no end", id="endless"),
]


@pytest.mark.parametrize(("seen", "result", "why"), CONTINUED)
@pytest.mark.parametrize("client", ["chat", "responses", "messages", "generate"])
def test_a_cut_text_is_a_pass_only_when_it_is_gone_on_with_truly(client, seen, result, why):
    """Behind the commit only one true text counts, whatever the client: nothing lost, nothing twice."""
    judgement = judge(case_of(client), evidence(seen))
    assert (judgement.result, why in judgement.why) == (result, True), judgement


def test_a_text_that_nobody_was_asked_to_go_on_with_is_a_fake():
    """The backup's words count only if the backup was called."""
    judgement = judge(case_of(), evidence(answer(BEGINNING + REST), calls=(1, 0)))
    assert (judgement.result, "never called" in judgement.why) == (Result.FAIL, True)


@pytest.mark.parametrize(
    ("kind", "calls", "result"),
    [
        pytest.param("finish", (1, 0), Result.FAIL, id="no-finish-evidence"),
        pytest.param("content", (1, 0), Result.FAIL, id="the-last-word-missing"),
        pytest.param("finish", (1, 1), Result.PASS, id="the-backup-had-nothing-to-add"),
        pytest.param("usage", (1, 0), Result.PASS, id="cut-behind-the-finish"),
    ],
)
def test_all_the_text_without_the_finish_is_no_whole_answer(kind, calls, result):
    """A stream that broke off before its finish can't be taken for whole, even if no word is missing."""
    made = len(tokens(PRIMARY))
    seen = answer(PRIMARY, made=made, given=GIVEN[0] if calls[1] == 0 else sum(GIVEN))
    judgement = judge(case_of(point="finish"), evidence(seen, kind, calls=calls))
    assert judgement.result is result, judgement


ENDED = [
    pytest.param("error", broken(BEGINNING), 6, Result.SAFE, "an explicit error", id="told"),
    pytest.param(
        "error", answer(BACKUP, made=len(tokens(BACKUP))), 6, Result.PASS, "backup", id="not-yet-out"
    ),
    pytest.param(
        "error", broken(""), 0, Result.FAIL, "nothing of the answer was out", id="given-up-too-early"
    ),
    pytest.param("error", broken(BEGINNING, explicit=False), 6, Result.FAIL, "broke down", id="tripped"),
    pytest.param("error", broken(BEGINNING + " x"), 6, Result.FAIL, "what nobody answered", id="made-up"),
    pytest.param(
        "error", broken(BEGINNING, finish=["stop"]), 6, Result.FAIL, "behind the finish", id="finished"
    ),
    pytest.param(
        "error",
        broken(BEGINNING, native="its error has no code"),
        6,
        Result.FAIL,
        "no code",
        id="in-another-shape",
    ),
    pytest.param(
        "error",
        broken(BEGINNING, oddities=["sequence number 9 after 7"]),
        6,
        Result.FAIL,
        "sequence number",
        id="out-of-order",
    ),
    pytest.param("hold", broken(BEGINNING), 6, Result.FAIL, "the backup was there", id="held-and-failed"),
    pytest.param("hold", answer(BACKUP, made=len(tokens(BACKUP))), 6, Result.PASS, "backup", id="held"),
]


@pytest.mark.parametrize(("policy", "seen", "contents", "result", "why"), ENDED)
def test_an_error_is_safe_only_where_nobody_may_go_on(policy, seen, contents, result, why):
    """With `error` a cut answer ends with an error behind the truth; with `hold` it is never cut."""
    judgement = judge(case_of(after_commit=policy), evidence(seen, contents=contents))
    assert (judgement.result, why in judgement.why) == (result, True), judgement


BOTH = [expected_text("openai", MODELS["openai"], PROMPT, choice=number) for number in range(2)]
CHOSEN = [
    pytest.param(
        broken(BOTH[0], more={1: BOTH[1][:9]}, finish=["stop"]), Result.SAFE, id="told-in-the-second"
    ),
    pytest.param(broken(BOTH[0], more={1: BOTH[0][:80]}), Result.FAIL, id="the-first-text-in-the-second"),
    pytest.param(answer(BOTH[0], more={1: BOTH[1][:9]}), Result.FAIL, id="the-second-truncated"),
    pytest.param(answer(BOTH[0]), Result.FAIL, id="the-second-missing"),
]


@pytest.mark.parametrize(("seen", "result"), CHOSEN)
def test_several_answers_end_with_an_error_or_are_all_whole(seen, result):
    """Nobody goes on with several answers at once, so an error is safe and half of them is not."""
    judgement = judge(case_of("chat", question="choices"), evidence(seen))
    assert judgement.result is result, judgement


TRUE_JSON = msgspec.json.encode(instance(TOOL_SCHEMA)).decode()
CALLED = [
    pytest.param("messages", called(calls()), Result.PASS, id="whole"),
    pytest.param("generate", called(calls(), "stop"), Result.PASS, id="gemini-says-stop"),
    pytest.param(
        "generate",
        called([SeenCall(name, TRUE_JSON) for name in TOOL_NAMES], "stop"),
        Result.PASS,
        id="gemini-has-no-ids",
    ),
    pytest.param("messages", called(calls(arguments=TRUE_JSON[:9])), Result.FAIL, id="half-a-call"),
    pytest.param(
        "messages", called(calls(arguments=TRUE_JSON + TRUE_JSON)), Result.FAIL, id="arguments-twice"
    ),
    pytest.param("messages", called(calls(arguments="{}")), Result.FAIL, id="no-arguments"),
    pytest.param("messages", called(calls()[:1]), Result.FAIL, id="one-of-two"),
    pytest.param(
        "messages", called([*calls("openai")[:1], *calls()[1:]]), Result.FAIL, id="from-two-providers"
    ),
    pytest.param("messages", called([*calls(), *calls()]), Result.FAIL, id="all-twice"),
    pytest.param(
        "messages", called([replace(each, id="toolu_1") for each in calls()]), Result.FAIL, id="the-same-id"
    ),
    pytest.param("messages", called([replace(each, id=None) for each in calls()]), Result.FAIL, id="no-ids"),
    pytest.param("messages", called(calls(), "stop"), Result.FAIL, id="the-finish-of-a-text"),
    pytest.param("messages", called(calls(), text="Lab"), Result.FAIL, id="text-beside"),
    pytest.param("messages", called(calls("openai")), Result.FAIL, id="of-the-stream-that-broke-off"),
    pytest.param("messages", broken(), Result.FAIL, id="an-error"),
    pytest.param("messages", broken(calls=calls()[:1]), Result.FAIL, id="an-error-behind-a-call"),
    pytest.param("messages", answer(BACKUP), Result.FAIL, id="a-text"),
]


@pytest.mark.parametrize(("client", "seen", "result"), CALLED)
def test_tool_calls_are_whole_or_not_there(client, seen, result):
    """A call that was cut anywhere must come whole from one provider."""
    case = case_of(client, "in_call", question="tools")
    judgement = judge(case, evidence(seen, contents=3))
    assert judgement.result is result, judgement


def vectors(texts, model="text-embedding-3-large"):
    return [vector(model, text, 3072) for text in texts]


TRUE_COUNT = sum(len(text) // 4 for text in embedded_texts(PROMPT))
COUNTED = (TRUE_COUNT, 0, TRUE_COUNT)
EMBEDDED = [
    pytest.param("gemini", vectors(embedded_texts(PROMPT)), COUNTED, Result.PASS, id="true"),
    pytest.param(
        "openai", vectors(embedded_texts(PROMPT)), (0, 0, 0), Result.PASS, id="gemini-does-not-count"
    ),
    pytest.param(
        "gemini", vectors(embedded_texts(PROMPT)[::-1]), COUNTED, Result.FAIL, id="in-another-order"
    ),
    pytest.param("gemini", vectors(embedded_texts(PROMPT)[:1]), COUNTED, Result.FAIL, id="one-missing"),
    pytest.param("gemini", vectors(embedded_texts(PROMPT), "x"), COUNTED, Result.FAIL, id="of-another-space"),
    pytest.param("gemini", [], COUNTED, Result.FAIL, id="none"),
    pytest.param("gemini", vectors(embedded_texts(PROMPT)), None, Result.FAIL, id="no-usage"),
    pytest.param("gemini", vectors(embedded_texts(PROMPT)), (3, 0, 3), Result.FAIL, id="a-wrong-usage"),
    pytest.param("openai", vectors(embedded_texts(PROMPT)), (3, 0, 9), Result.FAIL, id="a-wrong-total"),
]


@pytest.mark.parametrize(("primary", "given", "usage", "result"), EMBEDDED)
def test_vectors_are_those_of_the_texts(primary, given, usage, result):
    """Vectors of another space or text are a fail, although they look alike."""
    case = Case(faults.load("http_500_text"), "plain", primary, "embeddings")
    seen = Seen(vectors=given, usage=usage, requests=1)
    judgement = judge(case, evidence(seen))
    assert judgement.result is result, judgement


FIX = errors.make(
    Kind.INVALID_REQUEST, "temperature is too high", status=400, code="bad", param="temperature"
)


def refused(status=400, message="temperature is too high", native=None, explicit=True, code="bad"):
    told = Told(explicit, status, message, "invalid_request_error", code, "temperature", native)
    return Seen(error=openai.OpenAIError(message), told=told, status=status, requests=1)


REFUSED = [
    pytest.param("messages", refused(), Result.PASS, "after one call", id="as-it-is"),
    pytest.param("messages", refused(code=None), Result.PASS, "after one call", id="a-dialect-without-codes"),
    pytest.param("responses", refused(code=None), Result.FAIL, "code is None", id="the-code-lost"),
    pytest.param("messages", refused(status=500), Result.FAIL, "status is 500", id="another-status"),
    pytest.param("generate", refused(message="bad request"), Result.FAIL, "message is", id="other-words"),
    pytest.param("generate", refused(explicit=False), Result.FAIL, "not the upstream's error", id="tripped"),
    pytest.param(
        "messages",
        refused(native="its body has the type None"),
        Result.FAIL,
        "the type None",
        id="openai-s-shape",
    ),
    pytest.param("messages", answer(BACKUP), Result.FAIL, "the request itself", id="answered-all-the-same"),
]


@pytest.mark.parametrize(("client", "seen", "result", "why"), REFUSED)
def test_an_error_of_the_request_comes_back_in_the_client_s_own_class(client, seen, result, why):
    """The upstream's status and message arrive in the shape of the client's dialect, after one call."""
    case = Case(faults.load("openai_400_invalid_request"), "plain", "openai", client)
    judgement = judge(case, evidence(seen, calls=(1, 0), to_return=FIX))
    assert (judgement.result, why in judgement.why) == (result, True), judgement


def test_a_fault_that_was_not_met_proves_nothing():
    """Even a perfect answer is void then."""
    assert judge(case_of(), evidence(answer(BEGINNING + REST), calls=(0, 1))).result is Result.VOID


def test_a_backup_that_begins_anew_costs_more_but_adds_no_text():
    """What it repeats may be counted, and may not be read twice."""
    case = case_of(restarts=True)
    spent = len(tokens(REST)) + 3 * len(tokens(PRIMARY))
    assert judge(case, evidence(answer(BEGINNING + REST, made=spent))).result is Result.PASS
    assert judge(case_of(), evidence(answer(BEGINNING + REST, made=spent))).result is Result.FAIL
    assert judge(case, evidence(answer(BEGINNING + BEGINNING + REST))).result is Result.FAIL
