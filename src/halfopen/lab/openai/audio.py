"""OpenAI's audio endpoints: a transcript that proves what was uploaded, and bytes for speech."""

import zlib

import msgspec

from halfopen.lab.answer import sealed, tokens
from halfopen.lab.exchange import LabAnswer, Piece, PieceKind
from halfopen.lab.openai.arrival import Arrival, check_exists
from halfopen.lab.openai.multipart import form_of
from halfopen.lab.openai.refusal import Refusal
from halfopen.lab.shape import choice, either, mapping, number, record, string

SPEECH_BYTES_A_CHARACTER = 64
_FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_SPEECH = record(
    {
        "model": string,
        "input": string,
        "voice": either(string=string, object=mapping),
        "instructions": string,
        "response_format": choice(*_TYPES),
        "speed": number(0.25, 4),
        "stream_format": choice("sse", "audio"),
    },
    ("model", "input", "voice"),
)


def transcript(filename: str, data: bytes, model: str) -> str:
    """What the lab hears in a file: its name, size and checksum."""
    said = f"Lab transcript by {model} of {filename}: {len(data)} bytes with checksum {zlib.crc32(data):08x}."
    return sealed(said)


def transcriptions(arrival: Arrival) -> LabAnswer:
    """POST /v1/audio/transcriptions. Raises Refusal."""
    form = form_of(arrival.request)
    upload, model = form.file("file"), form.field("model")
    check_exists(model)
    if not upload.data:
        raise Refusal("Audio file is too short. Minimum audio length is 0.1 seconds.", param="file")
    wanted = form.fields.get("response_format") or "json"
    if wanted not in _FORMATS:
        raise Refusal(
            f"Invalid value: '{wanted}'. Supported values are: {', '.join(map(repr, _FORMATS))}.",
            param="response_format",
            code="invalid_value",
        )
    text = transcript(upload.name, upload.data, model)
    if form.fields.get("stream") in {"true", "True", "1"} and not model.startswith("whisper"):
        return arrival.stream(_transcript_stream(text))
    if wanted in {"text", "srt", "vtt"}:
        heads = {"srt": "1\n00:00:00,000 --> 00:00:01,000\n", "vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\n"}
        return arrival.whole(f"{heads.get(wanted, '')}{text}\n".encode(), "text/plain; charset=utf-8")
    if wanted == "verbose_json":
        usage = {"type": "duration", "seconds": 1}
        return arrival.json(
            {"task": "transcribe", "language": "english", "duration": 1.0, "text": text, "usage": usage}
        )
    return arrival.json({"text": text, "usage": _usage(text)})


def _usage(text: str) -> dict[str, object]:
    spent = len(tokens(text))
    return {
        "type": "tokens",
        "input_tokens": 10,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 10},
        "output_tokens": spent,
        "total_tokens": 10 + spent,
    }


def _event(value: dict[str, object]) -> bytes:
    return f"event: {value['type']}\ndata: ".encode() + msgspec.json.encode(value) + b"\n\n"


def _transcript_stream(text: str) -> tuple[Piece, ...]:
    pieces = [
        Piece(PieceKind.CONTENT, _event({"type": "transcript.text.delta", "delta": each}))
        for each in tokens(text)
    ]
    done: dict[str, object] = {"type": "transcript.text.done", "text": text, "usage": _usage(text)}
    bare = _event({**done, "text": ""})
    return (*pieces, Piece(PieceKind.FINISH, _event(done), bare=bare))


def speech(arrival: Arrival) -> LabAnswer:
    """POST /v1/audio/speech: 64 bytes a character. Raises Refusal."""
    body = arrival.body(_SPEECH)
    check_exists(body["model"])
    if not body["input"]:
        raise Refusal("Invalid 'input': input cannot be an empty string.", param="input")
    if body.get("stream_format") == "sse":
        raise Refusal(
            "Unsupported value: 'stream_format' does not support 'sse' with this model.",
            param="stream_format",
            code="unsupported_value",
        )
    audio = spoken(body["model"], body["input"])
    return arrival.whole(audio, _TYPES[body.get("response_format") or "mp3"])


def spoken(model: str, text: str) -> bytes:
    """The bytes of speech: they follow from model and text."""
    seed = zlib.crc32(f"{model}\0{text}".encode())
    block = bytes((seed >> (step % 4 * 8) & 0xFF) ^ step for step in range(SPEECH_BYTES_A_CHARACTER))
    return b"ID3" + block * len(text)
