"""The judge is judged: gateways with planted bugs, each of which must come out as a fail."""

import asyncio
import contextlib
import re
from contextlib import asynccontextmanager

import msgspec
import pytest
import uvloop

from halfopen.lab import expected_text, faults, free_port
from halfopen.lab.matrix import Case, Result, run_case
from halfopen.lab.matrix.case import MODELS

LIMIT_S = 0.6
"""Until a question counts as endless; what hangs here hangs for good."""


class Relay:
    """A tiny gateway that is right unless its subclass is not: it relays what the primary says.

    It knows OpenAI's dialect only, so the primary must be openai; the backup's answer is made up.
    """

    def __init__(self, setting):
        self.setting = setting
        self.requests = 0
        self.stopped = asyncio.Event()

    async def serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
                self.body = await reader.readexactly(length)
                self.asked = msgspec.json.decode(self.body)
                self.writer = writer
                self.requests += 1
                await (self.stream() if self.asked.get("stream") else self.plain())
                await writer.drain()
        writer.close()

    async def plain(self):
        status, body, _ = await self.call()
        self.send(status, body)

    async def stream(self):
        status, body, whole = await self.call()
        if status != 200:
            self.send(status, body)
            return
        self.begin_stream()
        self.chunk(body)
        if whole:
            self.end_stream()
        else:
            self.tell_error()

    async def call(self):
        """The primary's status, body without framing, and whether the framing says that it is whole."""
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.setting.primary.port)
            head = (
                "POST /v1/chat/completions HTTP/1.1\r\nhost: lab\r\nauthorization: Bearer lab\r\n"
                f"connection: close\r\ncontent-length: {len(self.body)}\r\n\r\n"
            )
            writer.write(head.encode() + self.body)
            raw = b""
            with contextlib.suppress(OSError):
                while chunk := await reader.read(65536):
                    raw += chunk
            writer.close()
            head, _, rest = raw.partition(b"\r\n\r\n")
            if head:
                body, whole = unframed(head.lower(), rest)
                return int(head[9:12]), body, whole
        return 502, b'{"error":{"message":"no answer"}}', True

    # What is written to the client.

    def send(self, status, body, *headers):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        lines += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.writer.write(f"HTTP/1.1 {status} X\r\nx-should-retry: false\r\n{lines}\r\n".encode() + body)

    def begin_stream(self):
        self.writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )

    def chunk(self, data):
        if data:
            self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end_stream(self):
        self.writer.write(b"0\r\n\r\n")

    def tell_error(self):
        error = {"message": "the upstream broke off", "type": "server_error", "param": None, "code": None}
        self.chunk(b"data: " + msgspec.json.encode({"error": error}) + b"\n\n")
        self.writer.close()

    def event(self, **delta):
        choice = {"index": 0, "delta": delta.get("delta", {}), "finish_reason": delta.get("finish")}
        value = {
            "id": "x",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        if "usage" in delta:
            value |= {"choices": [], "usage": delta["usage"]}
        return b"data: " + msgspec.json.encode(value) + b"\n\n"

    def answer(self, text, **changed):
        words = len(text.split())
        usage = {"prompt_tokens": 3, "completion_tokens": words, "total_tokens": words + 3}
        message = {"role": "assistant", "content": text}
        value = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage,
        }
        return msgspec.json.encode({**value, **changed})

    def text_of(self, dialect, prompt=None):
        asked = prompt or self.asked["messages"][-1]["content"]
        return expected_text(dialect, MODELS[dialect], asked)

    async def touch_backup(self):
        """Make the backup count a call, so that an answer in its name is believable."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.setting.backup.port)
        writer.write(
            b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
        )
        await reader.read()
        writer.close()


def unframed(head, rest):
    if b"content-length" in head:
        return rest, len(rest) == int(re.search(rb"content-length: (\d+)", head)[1])
    body = b""
    while (match := re.match(rb"([0-9a-f]+)\r\n", rest)) and (size := int(match[1], 16)):
        piece = rest[match.end() : match.end() + size]
        body += piece
        if len(piece) < size:
            return body, False
        rest = rest[match.end() + size + 2 :]
    return body, rest == b"0\r\n\r\n"


def whole_events(body):
    return body[: body.rfind(b"\n\n") + 2]


class Rescue(Relay):
    """A right one: when the primary fails, the backup's answer comes."""

    async def plain(self):
        status, body, whole = await self.call()
        if status == 200 and whole:
            self.send(status, body)
            return
        await self.touch_backup()
        self.send(200, self.answer(self.text_of("anthropic")))


class SwallowsCut(Relay):
    """Ends a cut stream cleanly."""

    async def stream(self):
        _, body, _ = await self.call()
        self.begin_stream()
        self.chunk(whole_events(body))
        self.end_stream()


class SwallowsCutAndSaysDone(SwallowsCut):
    """Ends a cut stream with all that belongs to a whole one."""

    def end_stream(self):
        usage = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
        self.chunk(self.event(finish="stop") + self.event(usage=usage) + b"data: [DONE]\n\n")
        super().end_stream()


class Empty(Relay):
    """Answers without a word."""

    async def plain(self):
        await self.call()
        self.send(200, self.answer(""))

    async def stream(self):
        await self.call()
        self.begin_stream()
        usage = {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
        self.chunk(self.event(delta={"role": "assistant", "content": ""}) + self.event(finish="stop"))
        self.chunk(self.event(usage=usage) + b"data: [DONE]\n\n")
        self.end_stream()


class Hangs(Relay):
    """Says nothing."""

    async def plain(self):
        await self.call()
        await self.stopped.wait()

    stream = plain


class HangsInStream(Relay):
    """Stops in the middle of a stream and keeps the connection."""

    async def stream(self):
        _, body, _ = await self.call()
        self.begin_stream()
        self.chunk(whole_events(body))
        await self.stopped.wait()


class RetriesTheUnretryable(Relay):
    """Calls again although the request is at fault."""

    async def plain(self):
        await self.call()
        await super().plain()

    stream = plain


class AnswersTheUnanswerable(Relay):
    """Lets the backup answer a request that is at fault."""

    async def plain(self):
        await self.call()
        self.send(200, self.answer(self.text_of("anthropic")))


class MasksTheError(Relay):
    """Makes a 400 a generic 500, which the client repeats."""

    async def plain(self):
        await self.call()
        self.send(500, b'{"error":{"message":"something went wrong"}}')


class RewordsTheError(Relay):
    """Keeps the status and loses the words."""

    async def plain(self):
        status, _, _ = await self.call()
        self.send(status, b'{"error":{"message":"bad request"}}')


class AnswersAnotherQuestion(Rescue):
    """Gives the answer to the question of somebody else."""

    def text_of(self, dialect, prompt=None):
        return super().text_of(dialect, "what somebody else asked")


class AnswersFromMemory(Rescue):
    """Gives the backup's text without having asked the backup."""

    async def touch_backup(self):
        pass


class NamesTheWrongProvider(Rescue):
    """The backup's answer under the primary's name."""

    def send(self, status, body, *headers):
        super().send(status, body, ("x-halfopen-upstream", "openai/gpt-4o-mini"))


class CountsNothing(Rescue):
    """Forgets the token counts."""

    def answer(self, text, **changed):
        return super().answer(text, usage=None)


class CountsWrong(Rescue):
    """Gives token counts that are not this answer's."""

    def answer(self, text, **changed):
        return super().answer(text, usage={"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4})


class SaysLength(Rescue):
    """Gives a finish reason that says the answer is not whole."""

    def answer(self, text, **changed):
        return super().answer(text).replace(b'"stop"', b'"length"')


class CutsTheEnd(Rescue):
    """Loses the last word."""

    def text_of(self, dialect, prompt=None):
        return super().text_of(dialect, prompt).rpartition(" ")[0]


class AddsAWord(Rescue):
    """Adds what nobody said."""

    def text_of(self, dialect, prompt=None):
        return super().text_of(dialect, prompt) + " ok"


class LeavesItToTheClient(Rescue):
    """Drops the first request, so that the client has to repeat it."""

    async def plain(self):
        if self.requests == 1:
            await self.call()
            self.writer.close()
            raise ConnectionResetError
        await super().plain()


class CallsAndCalls(Rescue):
    """Makes more calls than are allowed."""

    async def plain(self):
        for _ in range(4):
            await self.call()
        await super().plain()


class NeverAsksThePrimary(Relay):
    """Lets the backup answer at once, so that nothing is proved."""

    async def plain(self):
        await self.touch_backup()
        self.send(200, self.answer(self.text_of("anthropic")))


class FailsOverFromGoodNews(Relay):
    """Asks the backup although the primary's answer was good."""

    async def plain(self):
        await self.call()
        await self.touch_backup()
        self.send(200, self.answer(self.text_of("anthropic")))


class JoinsTwoAnswers(Relay):
    """Goes on with another provider's whole answer behind the broken one."""

    async def stream(self):
        _, body, _ = await self.call()
        await self.touch_backup()
        text = self.text_of("anthropic")
        count = len(text.split())
        usage = {"prompt_tokens": 3, "completion_tokens": count, "total_tokens": count + 3}
        self.begin_stream()
        self.chunk(whole_events(body) + self.event(delta={"content": text}) + self.event(finish="stop"))
        self.chunk(self.event(usage=usage) + b"data: [DONE]\n\n")
        self.end_stream()


class PassesRubbishOn(Relay):
    """Relays half an event as if it were one, over which the client trips."""

    async def stream(self):
        _, body, _ = await self.call()
        self.begin_stream()
        self.chunk(body + b"\n\ndata: [DONE]\n\n")
        self.end_stream()


class ErrsBehindTheFinish(Relay):
    """Says that the answer is whole, and then that it is not."""

    async def stream(self):
        _, body, _ = await self.call()
        self.begin_stream()
        self.chunk(whole_events(body) + self.event(finish="stop"))
        self.tell_error()


class SaysWhatNobodySaid(Relay):
    """Fills in words of its own before it gives up."""

    async def stream(self):
        _, body, _ = await self.call()
        self.begin_stream()
        self.chunk(whole_events(body) + self.event(delta={"content": " and so on"}))
        self.tell_error()


# The third is the mode; "error": a stream over a route that does not continue.
PLANTED = [
    (Relay, "openai_500_server_error", "plain", Result.FAIL, "an error, though the backup was there"),
    (SwallowsCut, "stream_cut_after_content", "stream", Result.FAIL, "truncated answer"),
    (SwallowsCut, "stream_reset_after_content", "stream", Result.FAIL, "truncated answer"),
    (SwallowsCut, "stream_cut_before_content", "stream", Result.FAIL, "empty answer"),
    (SwallowsCutAndSaysDone, "stream_cut_after_content", "stream", Result.FAIL, "truncated answer"),
    (Empty, "openai_500_server_error", "plain", Result.FAIL, "empty answer"),
    (Empty, "openai_500_server_error", "stream", Result.FAIL, "empty answer"),
    (Hangs, "openai_500_server_error", "plain", Result.FAIL, "no end"),
    (Hangs, "openai_500_server_error", "stream", Result.FAIL, "no end"),
    (HangsInStream, "stream_cut_after_content", "stream", Result.FAIL, "no end"),
    (RetriesTheUnretryable, "openai_400_invalid_request", "plain", Result.FAIL, "2 calls to the primary"),
    (RetriesTheUnretryable, "openai_400_invalid_request", "stream", Result.FAIL, "2 calls to the primary"),
    (AnswersTheUnanswerable, "openai_400_invalid_request", "plain", Result.FAIL, "the request itself"),
    (MasksTheError, "openai_400_invalid_request", "plain", Result.FAIL, "status is 500"),
    (RewordsTheError, "openai_400_invalid_request", "plain", Result.FAIL, "message is 'bad request'"),
    (AnswersAnotherQuestion, "openai_500_server_error", "plain", Result.FAIL, "wrong answer"),
    (AnswersFromMemory, "openai_500_server_error", "plain", Result.FAIL, "never called"),
    (NamesTheWrongProvider, "openai_500_server_error", "plain", Result.FAIL, "x-halfopen-upstream"),
    (CountsNothing, "openai_500_server_error", "plain", Result.FAIL, "no token counts"),
    (CountsWrong, "openai_500_server_error", "plain", Result.FAIL, "1 output tokens"),
    (SaysLength, "openai_500_server_error", "plain", Result.FAIL, "finish reasons ['length']"),
    (CutsTheEnd, "openai_500_server_error", "plain", Result.FAIL, "truncated answer"),
    (AddsAWord, "openai_500_server_error", "plain", Result.FAIL, "wrong answer"),
    (LeavesItToTheClient, "openai_500_server_error", "plain", Result.FAIL, "send its request 2 times"),
    (CallsAndCalls, "openai_500_server_error", "plain", Result.FAIL, "6 upstream calls"),
    (NeverAsksThePrimary, "openai_500_server_error", "plain", Result.VOID, "never happened"),
    (FailsOverFromGoodNews, "informational", "plain", Result.FAIL, "the backup was called"),
    (JoinsTwoAnswers, "stream_cut_after_content", "stream", Result.FAIL, "wrong answer"),
    (PassesRubbishOn, "stream_malformed_after_content", "error", Result.FAIL, "broke down"),
    (ErrsBehindTheFinish, "stream_cut_after_content", "error", Result.FAIL, "behind the finish"),
    (SaysWhatNobodySaid, "stream_cut_after_content", "error", Result.FAIL, "what nobody answered"),
    (Relay, "stream_reset_after_content", "stream", Result.FAIL, "an error, though the backup was there"),
    # A judge that fails everybody would be no better.
    (Rescue, "openai_500_server_error", "plain", Result.PASS, "a whole answer from the backup"),
    (Rescue, "connection_close", "plain", Result.PASS, "a whole answer from the primary"),
    (Relay, "stream_no_done", "stream", Result.PASS, "a whole answer from the primary"),
    (Relay, "openai_400_invalid_request", "plain", Result.PASS, "the upstream's own 400"),
    (Relay, "stream_reset_after_content", "error", Result.SAFE, "an explicit error"),
]


def subject_of(relay):
    @asynccontextmanager
    async def subject(setting):
        port = free_port()
        gateway = relay(setting)
        server = await asyncio.start_server(gateway.serve, "127.0.0.1", port)
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            gateway.stopped.set()
            server.close()
            await asyncio.sleep(0.01)  # the connections see their client leave

    return subject


@pytest.mark.parametrize(
    ("relay", "fault", "mode", "result", "why"),
    [pytest.param(*case, id=f"{case[0].__name__}-{case[1]}-{case[2]}") for case in PLANTED],
)
def test_a_planted_bug_is_found(relay, fault, mode, result, why):
    """Each broken gateway fails for its own reason, and each right one passes."""
    policy = "error" if mode == "error" else "continue"
    case = Case(faults.load(fault), mode.replace("error", "stream"), "openai", after_commit=policy)
    row = uvloop.run(run_case(case, subject=subject_of(relay), limit_s=LIMIT_S if why == "no end" else 10))
    assert (row.result, why in row.why) == (result, True), row


def test_a_gateway_that_can_t_start_is_a_failed_row():
    """A row that can't be played is no pass, and doesn't end the table."""

    @asynccontextmanager
    async def subject(setting):
        raise OSError("no port")
        yield ""

    case = Case(faults.load("openai_500_server_error"), "plain", "openai")
    row = uvloop.run(run_case(case, subject=subject))
    assert (row.result, row.why) == (Result.FAIL, "the row could not be played: OSError: no port")
