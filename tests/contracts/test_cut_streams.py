"""A stream that is cut, at whatever byte: never a false success, no word lost or twice, one end.

`make cut-streams` tries every byte. Here is a sample, and the proof that the judge would notice.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from halfopen.gateway.delivery import Delivery
from halfopen.gateway.resumption import Resumption
from halfopen.http1.sse import SseParser
from halfopen.providers import Form, StreamEvent, StreamKind
from halfopen.providers.clients.chat.writer import ChatWriter
from halfopen.providers.clients.generate.chat_to_generate_stream import GenerateWriter
from halfopen.providers.clients.messages.chat_to_messages_stream import MessagesWriter
from halfopen.providers.clients.responses.chat_to_responses_stream import ResponsesWriter
from halfopen.providers.continuation import Splice
from halfopen.providers.openai.stream import OpenAIReader

COMMAND = Path(__file__).parent / "cut_streams.py"
CLIENTS = ("chat", "responses", "completions", "messages", "generate", "generate array")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_cut_is_never_silent(client: str, cut: ModuleType, examples: Callable[[int], int]) -> None:
    """Every client gets the whole text once or an explicit error, whatever is cut and wherever."""
    found = cut.survey(cut.sampled(examples(1200), 1, [client]))
    assert found.violations == []
    categories = {category for (_, _, category), count in found.counts.items() if count}
    assert categories == {"success with evidence", "continued", "explicit error"}


def test_every_pair_is_tried(cut: ModuleType) -> None:
    """Each client dialect meets each provider dialect, and OpenAI's other streams meet their own clients."""
    met = {(client, recording.vendor) for client, recording in cut.pairs()}
    providers = ("openai chat", "anthropic", "gemini")
    own = {("responses", "openai responses"), ("completions", "openai completions")}
    assert met == {(client, provider) for client in CLIENTS for provider in providers} | own


def test_every_byte_is_cut(cut: ModuleType) -> None:
    """All runs of a recording have each byte with a clean end and a break, alone and with a second upstream."""
    recording = next(each for each in cut.recordings() if each.name == "openai_text")
    runs = list(cut.cases("chat", recording, range(len(recording.raw) + 1)))
    for size in range(len(recording.raw) + 1):
        at = [each for each in runs if each.size == size]
        assert {each.ending for each in at if each.second is None} >= {"clean end"}
        assert len({each.ending for each in at if each.second is None}) >= 2
        assert any(each.second is not None for each in at)
    combined = {(each.second, each.style, each.ending) for each in runs if each.second is not None}
    assert len(combined) == 4 * 3 * 3


EVIDENCE = {
    "openai_text": b'"finish_reason":"stop"}],"usage":null}',
    "openai_two_choices": b'"finish_reason":"length"}]}',
    "openai_no_done": b'"finish_reason":"stop"}]}',
    "anthropic_text": b'{"type":"message_stop"}',
    "gemini_text": b'"responseId": "c2VtaW5hbC1yZXNwb25zZQ"}',
    "completions/length": b'"finish_reason":"length"}],"model":"gpt-3.5-turbo-instruct"}',
    "completions/two_choices": b'{"text":"","index":1,"logprobs":null,"finish_reason":"stop"}],"model":"gpt-3.5-turbo-instruct"}',
    "responses/text": b'"user":null,"metadata":{}}}',
}


@pytest.mark.parametrize("name", EVIDENCE)
def test_evidence_is_complete_with_its_event(name: str, cut: ModuleType) -> None:
    """The finish evidence ends with the event that says the last finish, and the blank line makes it certain."""
    recording = next(each for each in cut.recordings() if each.name == name)
    assert recording.said_at == recording.raw.rindex(EVIDENCE[name]) + len(EVIDENCE[name])
    blank = 4 if b"\r\n\r\n" in recording.raw else 2
    assert recording.certain_at == recording.said_at + blank


def test_recordings_keep_the_rules(cut: ModuleType) -> None:
    """What a vendor was recorded to send breaks no rule of its dialect, unless it is a recorded failure."""
    broken = {each.name: each.whole.problems for each in cut.recordings() if each.whole.problems}
    # Each is an error behind which, or in place of which, more is sent.
    assert set(broken) <= {"gemini_error_midway", "responses/error"}
    assert all(each.fails for each in cut.recordings() if each.name in broken)


# Planted bugs: the judge must notice each of them.


def _ends_properly(self: Delivery, failure: Any) -> None:
    self.drop()
    self._send(self._writing().finish())
    self._responder.finish()


def _error_but_no_abort(self: Delivery, failure: Any) -> None:
    self._send(self._writing().error(failure))
    self._responder.finish()


def _writes_on(self: Delivery, failure: Any) -> None:
    self._send(self._writing().error(failure))
    self._responder.abort()
    self._send(b": and another thing\n\n")


def _abort_without_a_word(self: Delivery, failure: Any) -> None:
    self._responder.abort()


def _taken_for_text(method: Callable[..., Any]) -> Callable[..., Any]:
    """A tool call goes out piece by piece, as text does."""

    def planted(self: Delivery, event: StreamEvent) -> Any:
        passes = event.form is Form.CALL
        return method(self, msgspec.structs.replace(event, form=Form.TEXT) if passes else event)

    return planted


def _done_at_the_end(self: OpenAIReader) -> StreamEvent:
    self._ended = True
    return StreamEvent(StreamKind.DONE)


def _drops_a_word(feed: Callable[..., str]) -> Callable[..., str]:
    return lambda self, text: re.sub(r"^\s*\w+", "", feed(self, text))


def _twice(finish: Callable[..., bytes]) -> Callable[..., bytes]:
    return lambda self: finish(self) * 2


def _forgets(request: Callable[..., Any]) -> Callable[..., Any]:
    """The next upstream is told the delivered text without its last word."""

    def told(self: Resumption, target: Any) -> Any:
        pieces = self.delivered._pieces
        self.delivered._pieces = [" ".join("".join(pieces).split(" ")[:-1])]
        return request(self, target)

    return told


ERROR = b'event: error\ndata: {"type":"error","sequence_number":0}\n\n'
CALLS_PASS = {name: _taken_for_text(getattr(Delivery, name)) for name in ("holds", "take")}
PLANTED: dict[str, tuple[type, dict[str, Any], str, str]] = {
    "proper end after a fault": (Delivery, {"break_off": _ends_properly}, "chat", "openai_text"),
    "proper end of a message": (Delivery, {"break_off": _ends_properly}, "messages", "anthropic_text"),
    "proper end of a response": (Delivery, {"break_off": _ends_properly}, "responses", "responses/text"),
    "proper end of an array": (Delivery, {"break_off": _ends_properly}, "generate array", "gemini_text"),
    "proper end of a text": (Delivery, {"break_off": _ends_properly}, "completions", "completions/text"),
    "error and no abort": (Delivery, {"break_off": _error_but_no_abort}, "chat", "openai_text"),
    "abort and no error": (Delivery, {"break_off": _abort_without_a_word}, "generate", "gemini_text"),
    "bytes after the end": (Delivery, {"break_off": _writes_on}, "chat", "openai_text"),
    "half a tool call": (Delivery, CALLS_PASS, "chat", "openai_tools"),
    "half a tool call in a message": (Delivery, CALLS_PASS, "messages", "anthropic_tools"),
    "half a function call": (Delivery, CALLS_PASS, "responses", "responses/tools"),
    "a failed attempt that stays": (Delivery, {"drop": lambda self: None}, "chat", "openai_tools"),
    "done at the end of the body": (OpenAIReader, {"_end": _done_at_the_end}, "chat", "openai_text"),
    "done without evidence": (OpenAIReader, {"_end": _done_at_the_end}, "messages", "openai_text"),
    "a splice that drops a word": (Splice, {"feed": _drops_a_word(Splice.feed)}, "chat", "openai_markdown"),
    "a splice that repeats": (Splice, {"feed": lambda self, text: text}, "generate", "gemini_text"),
    "a wrong beginning": (Resumption, {"request": _forgets(Resumption.request)}, "chat", "anthropic_text"),
    "two ends of a chat": (ChatWriter, {"finish": _twice(ChatWriter.finish)}, "chat", "openai_text"),
    "two ends": (MessagesWriter, {"finish": _twice(MessagesWriter.finish)}, "messages", "gemini_text"),
    "two errors": (ResponsesWriter, {"error": lambda self, failure: ERROR * 2}, "responses", "gemini_text"),
    "two finishes": (GenerateWriter, {"finish": _twice(GenerateWriter.finish)}, "generate", "anthropic_text"),
    "half an event passed on": (SseParser, {"last": SseParser.flush}, "chat", "openai_text"),
    "half an event in a message": (SseParser, {"last": SseParser.flush}, "messages", "anthropic_text"),
}
"""What is planted, and the runs that must show it."""


@pytest.mark.parametrize("bug", PLANTED)
def test_the_judge_notices(bug: str, cut: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug is a violation, and without it the same runs are right."""
    owner, planted, client, recorded = PLANTED[bug]
    recording = next(each for each in cut.recordings() if each.name == recorded)
    places = {start + near for start in (mark.said for mark in recording.marks) for near in (1, 30)}
    if bug == "half an event in a message":
        places = {at.end() for at in re.finditer(rb"event: .*\n", recording.raw)}
    runs = list(cut.cases(client, recording, sorted(each for each in places if each <= len(recording.raw))))
    assert cut.survey(runs).violations == []
    for name, method in planted.items():
        monkeypatch.setattr(owner, name, method)
    assert sum(cut.survey(runs).violated.values()) > 0


@pytest.mark.parametrize(
    ("client", "body", "problem"),
    [
        pytest.param("chat", b"data: [DONE]\n\n", "[DONE] without a finish reason", id="bare done"),
        pytest.param("chat", b'data: {"choices":', "half an event", id="half an event"),
        pytest.param("chat", b'data: {"error":{}}\ndata: [DONE]\n\n', "no JSON", id="two in one"),
        pytest.param(
            "messages",
            b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
            "before message_start",
            id="no start",
        ),
        pytest.param("generate array", b'[{"candidates":[]}', "not whole", id="open array"),
        pytest.param(
            "responses",
            b'event: error\ndata: {"type":"error","sequence_number":7}\n\n',
            "sequence number",
            id="numbers",
        ),
    ],
)
def test_readers_notice(client: str, body: bytes, problem: str, load: Callable[[str], ModuleType]) -> None:
    """The judge's readers name what breaks their dialect."""
    problems = load("cut_reading").READERS[client](body).problems
    assert any(problem in each for each in problems), problems


def test_the_vendor_goes_on(load: Callable[[str], ModuleType]) -> None:
    """The scripted second upstream reads what was delivered, and says the rest in the way that it is told."""
    vendor = load("cut_vendor")

    def asked(style: str, *messages: tuple[str, str]) -> str:
        speaker = vendor.Speaker("One two three.", style=style)
        turns = [{"role": role, "content": text} for role, text in (("user", vendor.PROMPT), *messages)]
        head = b"POST /v1/chat/completions HTTP/1.1\r\n"
        events = b"".join(speaker.answer((head, json.dumps({"messages": turns}).encode())))
        assert speaker.problems == []
        text: str = load("cut_reading").READERS["chat"](events).text
        return text

    delivered = ("assistant", "One two")
    assert asked("exact") == "One two three."
    assert asked("words", delivered) == " three."
    assert asked("exact", delivered, ("user", "Go on.")) == " three."
    assert asked("words", delivered, ("user", "Go on.")) == "two three."
    assert asked("restart", delivered, ("user", "Go on.")) == "One two three."


def test_bounds(cut: ModuleType) -> None:
    """No violation in n runs: three in n at most; with violations the bound is above their share."""
    assert cut.bound(0, 3000) == pytest.approx(0.001)
    assert 0.01 < cut.bound(30, 3000) < 0.02
    assert cut.bound(0, 0) is None


def test_the_command() -> None:
    """It prints its figures as JSON, and its exit status is 0 when all was right."""
    command = [sys.executable, str(COMMAND), "--sample", "300", "--json"]
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    figures = json.loads(done.stdout)
    assert figures["violations"] == []
    assert figures["rows"][-1]["runs"] == 300
    assert figures["rows"][-1]["violation_rate_bound_95"] == pytest.approx(0.01)
