"""The rest of the openai client: what is passed on to OpenAI as it is."""

import base64
import json
import zlib

import openai
import pytest
from openai.types import Batch, FileObject, ImagesResponse, ModerationCreateResponse
from openai.types.audio import Transcription

from halfopen.lab import is_whole

feature = pytest.mark.feature
AUDIO = b"RIFF" + bytes(range(256)) * 8


@pytest.fixture
def gpt(stage, openai_at):
    return openai_at(stage)


@feature("files")
def test_files(gpt, typed):
    """A file is uploaded, listed, retrieved, read and deleted."""
    made = gpt.files.create(file=("rows.jsonl", b'{"a": 1}\n'), purpose="batch")
    assert type(made) is FileObject
    typed(made)
    assert (made.object, made.filename, made.bytes, made.purpose) == ("file", "rows.jsonl", 9, "batch")
    assert made.id in [each.id for each in gpt.files.list(purpose="batch")]
    assert gpt.files.retrieve(made.id) == made
    assert gpt.files.content(made.id).read() == b'{"a": 1}\n'
    gone = gpt.files.delete(made.id)
    assert (gone.id, gone.deleted) == (made.id, True)
    with pytest.raises(openai.NotFoundError) as caught:
        gpt.files.retrieve(made.id)
    assert caught.value.request_id
    assert caught.value.type == "invalid_request_error"


@feature("batches")
def test_batches(gpt, typed):
    """A batch of requests is made, looked at until it is done, and its results are read."""
    line = {
        "custom_id": "one",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]},
    }
    rows = gpt.files.create(file=("rows.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = gpt.batches.create(
        input_file_id=rows.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert type(batch) is Batch
    typed(batch)
    assert batch.id in [each.id for each in gpt.batches.list()]
    for _ in range(5):
        batch = gpt.batches.retrieve(batch.id)
        if batch.status == "completed":
            break
    assert (batch.status, batch.request_counts.completed) == ("completed", 1)
    answer = json.loads(gpt.files.content(batch.output_file_id).text)
    assert answer["custom_id"] == "one"
    assert is_whole(answer["response"]["body"]["choices"][0]["message"]["content"])


@feature("moderations")
def test_moderations(gpt, typed):
    """A text is judged."""
    answer = gpt.moderations.create(model="omni-moderation-latest", input=["Hello", "Good day"])
    assert type(answer) is ModerationCreateResponse
    typed(answer)
    assert [result.flagged for result in answer.results] == [False, False]
    assert answer._request_id


@feature("audio")
def test_transcription(gpt, typed):
    """An upload arrives byte for byte, and its transcript comes back typed, plain and streamed."""
    given = {"model": "gpt-4o-transcribe", "file": ("voice.wav", AUDIO)}
    answer = gpt.audio.transcriptions.create(**given)
    assert type(answer) is Transcription
    assert is_whole(answer.text)
    assert f"{len(AUDIO)} bytes with checksum {zlib.crc32(AUDIO):08x}" in answer.text
    events = list(gpt.audio.transcriptions.create(**given, stream=True))
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == answer.text
    assert "".join(event.delta for event in events[:-1]) == answer.text
    assert gpt.audio.transcriptions.create(**given, response_format="text").strip() == answer.text


@feature("audio")
def test_speech(gpt, tmp_path):
    """Speech comes as bytes, whole and streamed."""
    given = {"model": "tts-1", "voice": "alloy", "input": "Hello"}
    whole = gpt.audio.speech.create(**given).read()
    assert whole.startswith(b"ID3")
    with gpt.audio.speech.with_streaming_response.create(**given) as response:
        assert response.headers["content-type"] == "audio/mpeg"
        assert b"".join(response.iter_bytes()) == whole


@feature("images")
def test_images(gpt, typed):
    """An image is made."""
    answer = gpt.images.generate(model="gpt-image-1", prompt="A sky")
    assert type(answer) is ImagesResponse
    typed(answer)
    assert base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG")


@feature("errors")
def test_refused(gpt, sent):
    """What OpenAI refuses comes back as the client's own error, in OpenAI's words."""
    with pytest.raises(openai.BadRequestError, match="input") as caught:
        gpt.audio.speech.create(model="tts-1", voice="alloy", input="")
    assert caught.value.request_id
    assert caught.value.param == "input"
    assert len(sent.paths) == 1


@feature("errors")
def test_nobody_to_pass_it_to(broken, openai_at, sent):
    """Without OpenAI in the configuration the client is told so at once."""
    stage = broken("anthropic", "http_500_text", backup="gemini")
    with pytest.raises(openai.NotFoundError, match="OpenAI's API") as caught:
        openai_at(stage).files.list()
    assert caught.value.request_id
    assert len(sent.paths) == 1


@feature("errors")
def test_no_upload_twice(broken, openai_at):
    """An upload that may have arrived is not repeated: the client gets the error, not two files."""
    stage = broken("openai", "closed_after_request")
    client = openai_at(stage)
    with pytest.raises(openai.InternalServerError):
        client.files.create(file=("rows.jsonl", b"{}"), purpose="batch")
    assert stage.providers["openai"].counts["requests"] == 1


@feature("failover")
def test_a_reading_is_repeated(broken, openai_at):
    """What only reads is asked again after a fault, unseen by the client."""
    stage = broken("openai", "http_500_text", times=1)
    assert list(openai_at(stage).files.list()) == []
    assert stage.providers["openai"].counts["requests"] == 2


@feature("failover")
def test_a_computation_is_repeated(broken, openai_at):
    """What stores nothing is asked again after an error, unseen by the client."""
    stage = broken("openai", "http_500_text", times=1)
    answer = openai_at(stage).moderations.create(model="omni-moderation-latest", input="Hello")
    assert not answer.results[0].flagged
