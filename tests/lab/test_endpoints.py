"""The other endpoints of the three vendors, through their official clients."""

import asyncio
import base64
import io
import json
import math
import zlib
from collections.abc import Iterator
from threading import Thread

import anthropic
import msgspec
import openai
import pytest
from google import genai
from google.genai import types

from halfopen.lab import Lab, expected_text, is_whole
from halfopen.lab.openai.audio import spoken, transcript
from halfopen.lab.openai.shelf import Shelf
from halfopen.lab.vector import vector

INSTRUCT, EMBED, CLAUDE, GEMINI = (
    "gpt-3.5-turbo-instruct",
    "text-embedding-3-small",
    "claude-haiku-4-5",
    "gemini-2.5-flash",
)
QUESTION = "What is the weather in Berlin?"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab in a thread of its own, for the synchronous clients."""
    loop = asyncio.new_event_loop()
    lab = Lab()
    loop.run_until_complete(lab.start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lab
    finally:
        asyncio.run_coroutine_threadsafe(lab.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def gpt(lab):
    with openai.OpenAI(api_key="lab", base_url=lab["openai"].base_url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(lab):
    with anthropic.Anthropic(api_key="lab", base_url=lab["anthropic"].base_url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def gemini(lab):
    with genai.Client(api_key="lab", http_options={"base_url": lab["gemini"].base_url}) as client:
        yield client


# OpenAI


def test_completions(gpt):
    """Text, several prompts, the default limit of 16 tokens, echo and stop."""
    answer = gpt.completions.create(model=INSTRUCT, prompt=QUESTION, max_tokens=200)
    assert answer.choices[0].text == expected_text("openai", INSTRUCT, QUESTION)
    assert (answer.choices[0].finish_reason, answer.object) == ("stop", "text_completion")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    short = gpt.completions.create(model=INSTRUCT, prompt=QUESTION)
    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 16)
    several = gpt.completions.create(model=INSTRUCT, prompt=["a", "b"], n=2, max_tokens=99, echo=True)
    assert [choice.index for choice in several.choices] == [0, 1, 2, 3]
    assert [choice.text[0] for choice in several.choices] == ["a", "a", "b", "b"]
    stopped = gpt.completions.create(model=INSTRUCT, prompt=QUESTION, max_tokens=99, stop=["three"])
    assert stopped.choices[0].text.endswith("one two ")


def test_completions_stream(gpt):
    """Chunks with a finish and, when asked for, usage."""
    chunks = list(
        gpt.completions.create(
            model=INSTRUCT,
            prompt=QUESTION,
            max_tokens=200,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    assert text == expected_text("openai", INSTRUCT, QUESTION)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens > 0
    assert len(chunks) >= 20


def test_completions_go_on_with_a_begun_answer(gpt):
    """A prompt that ends with the beginning of an answer is completed from there."""
    cut = expected_text("openai", INSTRUCT, QUESTION)[:80]
    answer = gpt.completions.create(model=INSTRUCT, prompt=QUESTION + cut, max_tokens=200)
    assert is_whole(cut + answer.choices[0].text)


@pytest.mark.parametrize(
    ("call", "model", "status"),
    [
        ("completions", "gpt-4o", 404),
        ("chat", EMBED, 404),
        ("chat", INSTRUCT, 404),
        ("embeddings", "gpt-4o", 403),
    ],
)
def test_models_serve_only_their_endpoints(gpt, call, model, status):
    """A chat model completes no prompt, an embedding model does not chat, a chat model embeds nothing."""
    calls = {
        "completions": lambda: gpt.completions.create(model=model, prompt="x"),
        "chat": lambda: gpt.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}]),
        "embeddings": lambda: gpt.embeddings.create(model=model, input="x"),
    }
    with pytest.raises(openai.APIStatusError) as caught:
        calls[call]()
    assert caught.value.status_code == status


def test_embeddings(gpt):
    """Vectors of length 1 that follow from model and text, in floats and in base64."""
    floats = gpt.embeddings.create(model=EMBED, input=["a", "b"], encoding_format="float")
    packed = gpt.embeddings.create(model=EMBED, input=["a", "b"])
    assert [item.index for item in floats.data] == [0, 1]
    assert [len(item.embedding) for item in floats.data] == [1536, 1536]
    for one, other in zip(floats.data, packed.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding)
    assert floats.data[0].embedding == vector(EMBED, "a", 1536)
    assert floats.data[0].embedding != floats.data[1].embedding
    assert math.hypot(*floats.data[0].embedding) == pytest.approx(1, abs=1e-5)
    assert len(gpt.embeddings.create(model=EMBED, input=[[1, 2]], dimensions=8).data[0].embedding) == 8
    assert floats.usage.total_tokens > 0


@pytest.mark.parametrize(
    "wrong",
    [{"input": []}, {"input": ""}, {"input": "x", "dimensions": 9999}, {"input": "x", "dimensions": 0}],
    ids=["empty", "blank", "too-many", "none"],
)
def test_embeddings_refused(gpt, wrong):
    """Empty input and impossible dimensions are 400."""
    with pytest.raises(openai.BadRequestError):
        gpt.embeddings.create(model=EMBED, **wrong)


def test_moderations(gpt):
    """Only what speaks of killing is flagged."""
    answer = gpt.moderations.create(input=["hello", "I will kill"])
    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.violence


def test_audio(gpt):
    """A transcript proves the upload; speech is bytes that follow from the text."""
    data = bytes(range(256)) * 20
    heard = gpt.audio.transcriptions.create(model="whisper-1", file=("voice.wav", io.BytesIO(data)))
    assert heard.text == transcript("voice.wav", data, "whisper-1")
    assert f"{zlib.crc32(data):08x}" in heard.text
    text = gpt.audio.transcriptions.create(
        model="whisper-1", file=("voice.wav", io.BytesIO(data)), response_format="text"
    )
    assert is_whole(text.strip())
    streamed = list(
        gpt.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=("voice.wav", io.BytesIO(data)), stream=True
        )
    )
    assert is_whole(streamed[-1].text)
    assert "".join(event.delta for event in streamed[:-1]) == streamed[-1].text
    said = gpt.audio.speech.create(model="tts-1", voice="alloy", input="hello", response_format="wav")
    assert said.read() == spoken("tts-1", "hello")
    assert said.response.headers["content-type"] == "audio/wav"


def test_images(gpt):
    """So many images as were asked for."""
    answer = gpt.images.generate(model="gpt-image-1", prompt="a cat", n=2)
    assert [base64.b64decode(image.b64_json)[1:4] for image in answer.data] == [b"PNG", b"PNG"]
    assert answer.usage.total_tokens > 0
    assert gpt.images.generate(model="dall-e-3", prompt="a cat").data[0].url.startswith("https://")


def test_files(gpt):
    """Uploaded, listed, read back byte for byte, deleted."""
    data = b"--not a boundary\r\n\r\n\x00\xff" * 9
    file = gpt.files.create(file=("a.bin", data), purpose="user_data")
    assert (file.bytes, file.filename) == (len(data), "a.bin")
    assert file.id in [each.id for each in gpt.files.list()]
    assert gpt.files.retrieve(file.id).purpose == "user_data"
    assert gpt.files.content(file.id).read() == data
    assert gpt.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File"):
        gpt.files.retrieve(file.id)
    with pytest.raises(openai.BadRequestError):
        gpt.files.create(file=("a.bin", data), purpose="nonsense")


def test_batches(gpt):
    """A batch answers every line of its file, and says so in another file."""
    line = {
        "custom_id": "one",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": QUESTION}]},
    }
    file = gpt.files.create(file=("in.jsonl", msgspec.json.encode(line) + b"\nrubbish\n"), purpose="batch")
    batch = gpt.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert batch.status == "validating"
    batch = gpt.batches.retrieve(batch.id)
    assert (batch.status, batch.request_counts.total) == ("completed", 2)
    written = [json.loads(each) for each in gpt.files.content(batch.output_file_id).text.splitlines()]
    assert written[0]["custom_id"] == "one"
    assert is_whole(written[0]["response"]["body"]["choices"][0]["message"]["content"])
    assert written[1]["response"]["status_code"] == 400
    assert batch.id in [each.id for each in gpt.batches.list()]
    with pytest.raises(openai.ConflictError):
        gpt.batches.cancel(batch.id)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "application/json"}, b"{}", 415),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\nrubbish", 400),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\nrubbish\r\n--x--\r\n", 400),
        (
            {"content-type": "multipart/form-data; boundary=x"},
            b'--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x--\r\n',
            400,
        ),
    ],
    ids=["json", "cut", "no-name", "no-file"],
)
def test_a_broken_form_is_refused(headers, body, status, with_lab):
    """A form that can't be read, or lacks its file, is no upload."""
    headers = {"authorization": "Bearer lab", **headers}
    seen = with_lab("openai", lambda _, wire: wire.call("POST", "/v1/files", body, headers))
    assert seen.status == status
    assert "error" in seen.json


def test_a_shelf_is_bounded_by_count_and_size():
    """The oldest values go first, whichever bound is reached."""
    shelf: Shelf[str] = Shelf(most=3, most_bytes=10)
    for key in "abcd":
        shelf.put(key, key.upper(), 1)
    assert list(shelf) == ["D", "C", "B"]
    shelf.put("e", "E", 10)
    assert list(shelf) == ["E"]
    assert not shelf.drop("a")


# Faults at every endpoint

ENDPOINTS = {
    "responses": ("openai", "/v1/responses", {"model": "gpt-4o", "input": "x"}),
    "completions": ("openai", "/v1/completions", {"model": INSTRUCT, "prompt": "x"}),
    "embeddings": ("openai", "/v1/embeddings", {"model": EMBED, "input": "x"}),
    "speech": ("openai", "/v1/audio/speech", {"model": "tts-1", "voice": "alloy", "input": "x"}),
    "count-tokens": (
        "anthropic",
        "/v1/messages/count_tokens",
        {"model": CLAUDE, "messages": [{"role": "user", "content": "x"}]},
    ),
    "embed": (
        "gemini",
        "/v1beta/models/gemini-embedding-001:embedContent",
        {"content": {"parts": [{"text": "x"}]}},
    ),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "fault",
    [
        "http_502_nginx",
        "ok_no_choices",
        "ok_empty_content",
        "ok_no_finish_reason",
        "ok_error_object",
        "cut_chunked",
    ],
)
def test_faults_strike_every_endpoint(endpoint, fault, with_lab):
    """A fault strikes whatever is asked for."""
    dialect, path, body = ENDPOINTS[endpoint]

    async def play(provider, wire):
        provider.set_fault(fault)
        return await wire.call("POST", path, body), provider.met

    seen, met = with_lab(dialect, play)
    assert met == 1
    if fault == "ok_no_choices" and endpoint in {"responses", "completions", "embeddings"}:
        assert [] in seen.json.values()
    if fault == "ok_empty_content":
        assert b"Lab" not in seen.body


# Anthropic


def test_claude_counts_tokens(claude):
    """A count, and the same strictness as messages."""
    assert (
        claude.messages.count_tokens(
            model=CLAUDE, messages=[{"role": "user", "content": QUESTION}]
        ).input_tokens
        > 0
    )
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        claude.messages.count_tokens(
            model=CLAUDE, messages=[{"role": "user", "content": "x"}], extra_body={"max_tokens": 5}
        )


THOUGHTFUL = [
    pytest.param(CLAUDE, {"type": "enabled", "budget_tokens": 1024}, True, id="enabled"),
    pytest.param("claude-opus-4-6", {"type": "adaptive"}, True, id="adaptive"),
    pytest.param("claude-opus-4-8", {"type": "adaptive"}, False, id="omitted"),
    pytest.param("claude-opus-4-8", {"type": "adaptive", "display": "summarized"}, True, id="summarized"),
]


@pytest.mark.parametrize(("model", "thinking", "shown"), THOUGHTFUL)
def test_claude_thinks(claude, model, thinking, shown):
    """Signed thoughts come first, plain and streamed; newer models show them only when asked."""
    asked = {
        "model": model,
        "max_tokens": 2000,
        "thinking": thinking,
        "messages": [{"role": "user", "content": QUESTION}],
    }
    plain = claude.messages.create(**asked)
    with claude.messages.stream(**asked) as stream:
        deltas = [event.delta.type for event in stream if event.type == "content_block_delta"]
        streamed = stream.get_final_message()
    assert [block.type for block in plain.content] == ["thinking", "text"]
    assert bool(plain.content[0].thinking) is shown
    assert ("thinking_delta" in deltas) is shown
    assert deltas.count("signature_delta") == 1
    assert streamed.content[0] == plain.content[0]
    assert streamed.content[1].text == plain.content[1].text == expected_text("anthropic", model, QUESTION)
    again = [*asked["messages"], {"role": "assistant", "content": plain.content}, *asked["messages"]]
    assert claude.messages.create(**{**asked, "messages": again}).stop_reason == "end_turn"


def test_claude_refuses_foreign_thoughts_and_what_does_not_go_with_thinking(claude):
    """Thoughts must carry their signature; thinking bars forced tools, and a prefill without thoughts."""
    ask = {"model": CLAUDE, "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    user = {"role": "user", "content": "x"}
    foreign = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "x"}]}
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        claude.messages.create(**ask, messages=[user, foreign, user])
    with pytest.raises(anthropic.BadRequestError, match="must start with a thinking block"):
        claude.messages.create(**ask, messages=[user, {"role": "assistant", "content": "so"}])
    tools = [{"name": "a", "input_schema": {"type": "object"}}]
    with pytest.raises(anthropic.BadRequestError, match="forces tool use"):
        claude.messages.create(**ask, messages=[user], tools=tools, tool_choice={"type": "any"})
    with pytest.raises(anthropic.BadRequestError, match=r"thinking\.type\.adaptive"):
        claude.messages.create(**{**ask, "model": "claude-opus-4-8"}, messages=[user])


# Gemini


def test_gemini_embeds_and_counts(gemini):
    """One vector a text, of the size that was asked for; and a count of tokens."""
    one = gemini.models.embed_content(model="gemini-embedding-001", contents="hello")
    assert one.embeddings[0].values == pytest.approx(vector("gemini-embedding-001", "hello", 3072))
    two = gemini.models.embed_content(
        model="gemini-embedding-001",
        contents=["hello", "you"],
        config=types.EmbedContentConfig(output_dimensionality=16, task_type="RETRIEVAL_QUERY"),
    )
    assert [len(each.values) for each in two.embeddings] == [16, 16]
    assert gemini.models.count_tokens(model=GEMINI, contents=QUESTION).total_tokens > 0


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("embedContent", {}),
        ("embedContent", {"content": {"parts": []}}),
        ("embedContent", {"content": {"parts": [{"text": "x"}]}, "outputDimensionality": 5000}),
        ("batchEmbedContents", {"requests": []}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "x"}]}}]}),
        ("countTokens", {}),
        ("countTokens", {"contents": [], "nonsense": 1}),
    ],
)
def test_gemini_refuses(verb, body, with_lab):
    """What Gemini refuses is a 400 with INVALID_ARGUMENT."""
    path = f"/v1beta/models/gemini-embedding-001:{verb}"
    seen = with_lab("gemini", lambda _, wire: wire.call("POST", path, body))
    assert (seen.status, seen.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_gemini_thoughts(gemini):
    """Thoughts come as parts of their own when they are asked for."""
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    answer = gemini.models.generate_content(model=GEMINI, contents=QUESTION, config=config)
    assert [bool(part.thought) for part in answer.candidates[0].content.parts] == [True, False]
    assert answer.text == expected_text("gemini", GEMINI, QUESTION)
    assert answer.usage_metadata.thoughts_token_count > 0
    streamed = list(gemini.models.generate_content_stream(model=GEMINI, contents=QUESTION, config=config))
    assert "".join(chunk.text or "" for chunk in streamed) == answer.text


def test_gemini_streams_a_json_array_without_alt_sse(with_lab):
    """One array that is valid when it is whole; an error in it is its last element."""
    path = f"/v1beta/models/{GEMINI}:streamGenerateContent"
    body = {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}

    async def play(provider, wire):
        good = await wire.call("POST", path, body)
        provider.set_fault("stream_error_event_after_content", at_event=4)
        broken = await wire.call("POST", path, body)
        provider.set_fault("stream_error_event_after_content", at_event=0)
        empty = await wire.call("POST", path, body)
        provider.set_fault("stream_pinged_stall_after_content", ping_s=0.004, bound_s=0.01, at_event=3)
        return good, broken, empty, await wire.call("POST", path, body)

    good, broken, empty, pinged = with_lab("gemini", play)
    text = "".join(part["text"] for each in good.json for part in each["candidates"][0]["content"]["parts"])
    assert text == expected_text("gemini", GEMINI, QUESTION)
    assert len(broken.json) == 5
    assert broken.json[-1]["error"]["status"] == "UNAVAILABLE"
    assert len(empty.json) == 1
    assert len(msgspec.json.decode(pinged.body + b"]")) == 3
