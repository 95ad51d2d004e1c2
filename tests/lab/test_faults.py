"""Every fault is really met on the wire: the bytes that come are what it promises."""

import asyncio
import gzip
import re
import zlib
from email.utils import parsedate_to_datetime

import brotli
import msgspec
import pytest
import zstandard

from halfopen.lab import faults, is_whole
from halfopen.lab.fault import LabFault, Phase, Stage

SMALL = {
    "bound_s": 0.03,
    "delay_s": 0.02,
    "interval_s": 0.004,
    "ping_s": 0.004,
    "pause_s": 0.005,
    "idle_s": 0.0,
    "content_events": 3,
}
PLACED = {"at_event", "at_byte", "at_finish", "in_call", "as_failed"}
SIZES = {"oversized_body": 300_000, "gzip_bomb": 3_000_000, "huge_headers": 100_000}
ALL = faults.every()
CASES = [
    pytest.param(fault, dialect, mode, id=f"{fault.name}-{dialect}-{mode}")
    for fault in ALL
    for dialect in fault.dialects
    for mode in fault.modes
]


def small(fault: LabFault) -> dict[str, float]:
    names = dict(fault.options)
    options = {name: value for name, value in SMALL.items() if name in names and name != "pause_s"}
    if "pause_s" in names and fault.name != "stream_byte_by_byte":
        options["pause_s"] = SMALL["pause_s"]
    if "size_bytes" in names:
        options["size_bytes"] = SIZES[fault.name]
    return options


def text_of(body, dialect: str) -> str:
    if dialect == "openai":
        return body["choices"][0]["message"]["content"]
    if dialect == "anthropic":
        return body["content"][0]["text"]
    return body["candidates"][0]["content"]["parts"][0]["text"]


def streamed_text(events, dialect: str) -> str:
    found = ""
    for event in events:
        if dialect == "openai" and isinstance(event, dict) and event.get("choices"):
            found += event["choices"][0]["delta"].get("content") or ""
        elif dialect == "anthropic":
            found += event.get("delta", {}).get("text", "")
        elif dialect == "gemini":
            for candidate in event.get("candidates", ()):
                found += "".join(part.get("text", "") for part in candidate["content"]["parts"])
    return found


def finished(events, dialect: str) -> bool:
    if dialect == "openai":
        return any(
            isinstance(e, dict) and e.get("choices") and e["choices"][0]["finish_reason"] for e in events
        )
    if dialect == "anthropic":
        return any(event.get("type") == "message_stop" for event in events)
    return any("finishReason" in c for event in events for c in event.get("candidates", ()))


def good(seen, dialect: str, mode: str) -> bool:
    """Whether the whole answer came, whatever its framing."""
    if mode == "plain":
        return seen.status == 200 and is_whole(text_of(seen.json, dialect))
    return (
        seen.status == 200
        and finished(seen.events, dialect)
        and is_whole(streamed_text(seen.events, dialect))
    )


def error_status(fault, seen, dialect, mode):
    status = int(re.search(r"_(\d{3})(?:_|$)", fault.name)[1])
    assert seen.status == status
    assert seen.whole
    code = fault.name.split(f"_{status}_", 1)[-1]
    if fault.name.startswith("openai_"):
        error = seen.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert seen.headers["x-request-id"].startswith("req_")
        if "429" in fault.name and code not in {"rate_limit_exceeded", "slow_down"}:
            assert (error["type"], error["code"]) == ("insufficient_quota", code)
    if fault.name.startswith("anthropic_"):
        assert seen.json["type"] == "error"
        assert seen.json["request_id"] == seen.headers["request-id"]
    if fault.name.startswith("gemini_"):
        assert seen.json["error"]["code"] == status
        assert seen.json["error"]["status"].isupper()
    if "cloudflare" in fault.name or "nginx" in fault.name:
        assert seen.headers["content-type"].startswith("text/html")
    if fault.name.startswith("redirect"):
        assert seen.headers["location"].startswith("/")


def retry_after(fault, seen, dialect, mode):
    status, form = re.match(r"http_(\d+)_retry_after_(\w+)", fault.name).groups()
    assert seen.status == int(status)
    assert "error" in seen.json
    value = seen.headers.get("retry-after")
    wanted = {"seconds": "2", "float": "1.5", "negative": "-1", "nan": "NaN", "day": "86400", "zero": "0"}
    if form == "date":
        assert parsedate_to_datetime(value) >= parsedate_to_datetime(seen.headers["date"])
    elif form == "ms":
        assert value is None
        assert seen.headers["retry-after-ms"] == "1500"
    elif form == "garbage":
        assert not value.isdigit()
    else:
        assert value == wanted[form]


def refused(fault, seen, dialect, mode):
    assert seen.error == "refused"


def reset_empty(fault, seen, dialect, mode):
    assert (seen.raw, seen.error) == (b"", "reset")


def closed_empty(fault, seen, dialect, mode):
    assert (seen.raw, seen.error) == (b"", None)


def broken_head(fault, seen, dialect, mode):
    assert seen.raw
    assert b"\r\n\r\n" not in seen.raw


def not_http(fault, seen, dialect, mode):
    assert not seen.raw.startswith(b"HTTP/")


def huge_head(fault, seen, dialect, mode):
    assert len(seen.head) > 100_000
    assert good(seen, dialect, mode)


def informational(fault, seen, dialect, mode):
    assert seen.raw.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 ")
    seen.raw = seen.raw[seen.raw.index(b"HTTP/1.1 200") :]
    assert good(seen, dialect, mode)


def http10(fault, seen, dialect, mode):
    assert seen.raw.startswith(b"HTTP/1.0 200 OK")
    assert not {"content-length", "transfer-encoding"} & set(seen.headers)
    assert good(seen, dialect, mode)


def says_close(fault, seen, dialect, mode):
    assert seen.headers["connection"] == "close"
    assert seen.whole
    assert good(seen, dialect, mode)


def whole(fault, seen, dialect, mode):
    assert "connection" not in seen.headers
    assert seen.whole
    assert good(seen, dialect, mode)


def half_body(fault, seen, dialect, mode):
    assert seen.status == 200
    assert len(seen.body) > 100
    assert not seen.whole
    if fault.name == "cut_last_chunk":
        assert good(seen, dialect, mode)
    else:
        with pytest.raises(msgspec.DecodeError):
            seen.json  # noqa: B018 - the access itself must raise
    assert seen.error == ("reset" if fault.name == "reset_in_body" else None)


def dripped_body(fault, seen, dialect, mode):
    assert 0 < len(seen.body) < int(seen.headers["content-length"])


def endless(fault, seen, dialect, mode):
    assert len(seen.raw) > 300_000


def head_only(fault, seen, dialect, mode):
    assert seen.status == 200
    assert seen.body == b""
    assert not seen.whole


def ok_error(fault, seen, dialect, mode):
    assert seen.status == 200
    assert "error" in seen.json


def ok_list_empty(fault, seen, dialect, mode):
    assert seen.status == 200
    assert seen.json[{"openai": "choices", "anthropic": "content", "gemini": "candidates"}[dialect]] == []


def ok_html(fault, seen, dialect, mode):
    assert (seen.status, seen.body[:15]) == (200, b"<!DOCTYPE html>")


def ok_body(expected: bytes):
    def check(fault, seen, dialect, mode):
        assert (seen.status, seen.body, seen.whole) == (200, expected, True)

    return check


def ok_no_text(fault, seen, dialect, mode):
    assert (seen.status, text_of(seen.json, dialect)) == (200, "")


def ok_half_json(fault, seen, dialect, mode):
    assert seen.whole
    with pytest.raises(msgspec.DecodeError):
        seen.json  # noqa: B018 - the access itself must raise


def ok_unfinished(fault, seen, dialect, mode):
    text = text_of(seen.json, dialect)
    assert text
    assert not is_whole(text)
    assert not re.search(rb'"(finish_reason|stop_reason)":"|finishReason', seen.body)


def ok_typed(fault, seen, dialect, mode):
    assert seen.headers["content-type"] in {"text/html", "application/json"}
    assert good(seen, dialect, mode)


DECODERS = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def encoded(fault, seen, dialect, mode):
    data = DECODERS[seen.headers["content-encoding"]](seen.body)
    seen.raw = seen.head.replace(b"transfer-encoding: chunked", b"x: y") + b"\r\n\r\n" + data
    assert good(seen, dialect, mode)


def bad_gzip(fault, seen, dialect, mode):
    assert seen.headers["content-encoding"] == "gzip"
    assert seen.whole
    with pytest.raises((zlib.error, EOFError, OSError)):
        gzip.decompress(seen.body)


def bomb(fault, seen, dialect, mode):
    assert len(seen.raw) < 20_000
    data = gzip.decompress(seen.body)
    assert len(data) > 3_000_000
    seen.raw = seen.head.replace(b"transfer-encoding: chunked", b"x: y") + b"\r\n\r\n" + data.strip()
    assert good(seen, dialect, mode)


def stream_fault(fault, seen, dialect, mode):
    """A stream that began as the phase says, and is not a finished one."""
    base = re.match(r"stream_(\w+?)_(?:before|after)_content", fault.name)[1]
    assert seen.status == 200
    assert seen.headers["content-type"].startswith("text/event-stream")
    assert seen.error == ("reset" if base == "reset" else None)
    assert seen.whole is (base not in {"reset", "cut", "stall", "pinged_stall", "drip"})
    if base in {"malformed", "html", "cut"}:
        seen.raw = seen.raw[: -len(b"\r\n")]
        assert {"malformed": True, "html": b"<html>" in seen.body, "cut": True}[base]
        if base == "malformed":
            with pytest.raises(msgspec.DecodeError):
                seen.events  # noqa: B018 - the access itself must raise
        return
    events = seen.events
    text = streamed_text(events, dialect)
    assert not finished(events, dialect)
    if base != "drip":
        assert bool(text) is (fault.phase is Phase.AFTER_CONTENT)
        assert not text or text.split() == ["Lab", "answer", "from"]
    assert ("[DONE]" in events) is (base in {"done_without_finish", "error_event_done"})
    if base.startswith("error_event"):
        assert any(isinstance(event, dict) and "error" in event for event in events)
    if base == "raw_json":
        assert re.search(rb'\n\{\s*"(error|type)"|\A\{', seen.body)
    if base == "pinged_stall":
        assert seen.body.count(b"ping") > 2


def role_only(fault, seen, dialect, mode):
    assert seen.whole
    assert seen.events
    assert streamed_text(seen.events, dialect) == ""
    assert not finished(seen.events, dialect)


def finish_only(fault, seen, dialect, mode):
    assert seen.whole
    assert streamed_text(seen.events, dialect) == ""
    assert finished(seen.events, dialect)


def stream_typed(fault, seen, dialect, mode):
    assert seen.headers["content-type"] == "application/json"
    assert good(seen, dialect, mode)


def no_events(fault, seen, dialect, mode):
    assert (seen.status, seen.body, seen.whole) == (200, b"", True)


def split(fault, seen, dialect, mode):
    assert good(seen, dialect, mode)
    assert seen.raw.count(b"\r\n1\r\n") > 1000


def crlf(fault, seen, dialect, mode):
    assert b"\n" not in seen.body.replace(b"\r\n", b"")
    assert good(seen, dialect, mode)


def no_done(fault, seen, dialect, mode):
    assert good(seen, dialect, mode)
    assert "[DONE]" not in seen.events


def finished_but_open(fault, seen, dialect, mode):
    assert seen.status == 200
    assert not seen.whole
    seen.raw += b"0\r\n\r\n"
    assert good(seen, dialect, mode)


NAMED = {
    "refused": refused,
    "reset_on_accept": reset_empty,
    "reset_after_request": reset_empty,
    "reset_second_request": reset_empty,
    "closed_after_request": closed_empty,
    "hang_before_headers": closed_empty,
    "hang_after_headers": head_only,
    "cut_head": broken_head,
    "garbage": not_http,
    "huge_headers": huge_head,
    "informational": informational,
    "http10_close": http10,
    "connection_close": says_close,
    "idle_close": whole,
    "slow_headers": whole,
    "flapping": lambda fault, seen, dialect, mode: seen.status == 500 or pytest.fail(str(seen)),
    "cut_content_length": half_body,
    "cut_chunked": half_body,
    "cut_last_chunk": half_body,
    "cut_unframed": half_body,
    "reset_in_body": half_body,
    "body_stall": half_body,
    "body_drip": dripped_body,
    "oversized_body": endless,
    "ok_error_object": ok_error,
    "ok_no_choices": ok_list_empty,
    "ok_html": ok_html,
    "ok_empty_body": ok_body(b""),
    "ok_null": ok_body(b"null"),
    "ok_empty_content": ok_no_text,
    "ok_truncated_json": ok_half_json,
    "ok_no_finish_reason": ok_unfinished,
    "ok_wrong_content_type": ok_typed,
    "encoded_gzip": encoded,
    "encoded_br": encoded,
    "encoded_zstd": encoded,
    "gzip_invalid": bad_gzip,
    "gzip_truncated": bad_gzip,
    "gzip_bomb": bomb,
    "stream_role_only": role_only,
    "stream_finish_before_content": finish_only,
    "stream_wrong_content_type": stream_typed,
    "stream_empty_body": no_events,
    "stream_byte_by_byte": split,
    "stream_crlf": crlf,
    "stream_no_done": no_done,
    "stream_hang_after_finish": finished_but_open,
}
FAMILIES = [
    (re.compile(r"http_\d+_retry_after_"), retry_after),
    (re.compile(r"stream_\w+_(before|after)_content\Z"), stream_fault),
    (re.compile(r"\w+_\d{3}(_|\Z)"), error_status),
]


def check_of(fault: LabFault):
    if fault.name in NAMED:
        return NAMED[fault.name]
    return next(check for pattern, check in FAMILIES if pattern.match(fault.name))


@pytest.mark.parametrize(("fault", "dialect", "mode"), CASES)
def test_each_fault_comes_over_the_wire_as_it_promises(fault, dialect, mode, with_lab):
    """The bytes that a client gets are those of the fault, and it is counted as met exactly once."""

    async def play(provider, wire):
        provider.set_fault(fault.name, **small(fault))
        path, body = _request(dialect, mode)
        raw = _raw(dialect, path, body)
        seen = await wire.send(
            raw, requests=fault.requests_to_meet if fault.name == "reset_second_request" else 1, quiet_s=1.0
        )
        met = provider.met
        provider.clear()
        after = await wire.send(raw)
        return seen, met, after, list(provider.calls)

    seen, met, after, calls = with_lab(dialect, play)
    check_of(fault)(fault, seen, dialect, mode)
    assert met == 1
    if fault.stage is Stage.REQUEST:
        assert [call.fault for call in calls if call.met] == [fault.name]
    assert good(after, dialect, mode), "the provider is not healthy after clear()"


def _request(dialect, mode):
    prompt = "What is the weather?"
    if dialect == "gemini":
        verb = "streamGenerateContent?alt=sse" if mode == "stream" else "generateContent"
        return f"/v1beta/models/gemini-2.5-flash:{verb}", {
            "contents": [{"role": "user", "parts": [{"text": prompt}]}]
        }
    body = {
        "model": "lab-model",
        "messages": [{"role": "user", "content": prompt}],
        "stream": mode == "stream",
    }
    if dialect == "anthropic":
        return "/v1/messages", {**body, "max_tokens": 500}
    return "/v1/chat/completions", body


def _raw(dialect, path, body):
    keys = {
        "openai": "authorization: Bearer lab",
        "anthropic": "x-api-key: lab\r\nanthropic-version: 2023-06-01",
        "gemini": "x-goog-api-key: lab",
    }
    data = msgspec.json.encode(body)
    head = f"POST {path} HTTP/1.1\r\nhost: lab\r\n{keys[dialect]}\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_each_fault_is_described(fault):
    """A fault has the name of its module, a story, a meaning and known values."""
    module = __import__(f"halfopen.lab.faults.{fault.name}", fromlist=["FAULT"])
    assert module.FAULT is fault
    assert len(module.__doc__) > 20
    assert fault.summary
    assert fault.provider_meaning.endswith(".")
    assert set(fault.modes) <= {"plain", "stream"}
    assert set(fault.dialects) <= {"openai", "anthropic", "gemini"}
    assert all(name.endswith(("_s", "_bytes", "_events")) or name in PLACED for name, _ in fault.options)


def test_flapping_alternates(with_lab):
    """Every other request fails, beginning with the first."""

    async def play(provider, wire):
        provider.set_fault("flapping")
        return [(await wire.chat()).status for _ in range(4)]

    assert with_lab("openai", play) == [500, 200, 500, 200]


def test_a_hang_ends_when_the_client_leaves(with_lab):
    """A client that gives up is noticed at once, and the call says so."""

    async def play(provider, wire):
        provider.set_fault("hang_before_headers", bound_s=60)
        path, body = _request("openai", "plain")
        seen = await wire.send(_raw("openai", path, body), quiet_s=0.03)
        for _ in range(200):
            if provider.connections == 0:
                break
            await asyncio.sleep(0.001)
        return seen, provider.calls[0], provider.connections

    seen, call, connections = with_lab("openai", play)
    assert seen.timed_out
    assert call.client_left
    assert call.met
    assert connections == 0


def test_an_idle_pooled_connection_is_closed(with_lab):
    """The answer promises a lasting connection, which is then closed all the same."""

    async def play(provider, wire):
        provider.set_fault("idle_close")
        path, body = _request("openai", "plain")
        return await wire.send(_raw("openai", path, body), requests=2)

    assert with_lab("openai", play).raw == b""


@pytest.mark.parametrize(
    ("fault", "dialect"),
    [
        pytest.param(fault, dialect, id=f"{fault.name}-{dialect}")
        for fault in ALL
        if fault.name.endswith("after_content") and "malformed" not in fault.name
        for dialect in fault.dialects
    ],
)
def test_a_stream_of_one_piece_is_struck_as_well(fault, dialect, with_lab, chat_request):
    """The shortest stream has content before the fault, and no finish after it."""
    more = {"openai": {"max_tokens": 1}, "anthropic": {"max_tokens": 1}}.get(
        dialect, {"generationConfig": {"maxOutputTokens": 1}}
    )

    async def play(provider, wire):
        provider.set_fault(fault.name, **small(fault))
        path, body = chat_request(dialect, stream=True, **more)
        return await wire.send(_raw(dialect, path, body), quiet_s=1.0), provider.met

    seen, met = with_lab(dialect, play)
    assert met == 1
    assert b"Lab" in seen.body
    events = seen.body.replace(b"\r\n", b"\n").rpartition(b"\n\n")[0]
    assert not re.search(rb'"finish_reason":"|message_stop|finishReason', events)
