"""OpenAI's image generation endpoint: one transparent pixel, whatever is asked for."""

from typing import Any

from halfopen.lab.exchange import LabAnswer
from halfopen.lab.openai.arrival import Arrival, check_exists
from halfopen.lab.openai.refusal import Refusal
from halfopen.lab.shape import boolean, choice, integer, mapping, optional, record, string

_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_REQUEST = record(
    {
        "prompt": string,
        "background": optional(choice("transparent", "opaque", "auto")),
        "complexity": optional(string),
        "frame_count": optional(integer(1)),
        "frame_duration_ms": optional(integer(1)),
        "model": optional(string),
        "moderation": optional(choice("low", "auto")),
        "n": optional(integer(1, 10)),
        "output_compression": optional(integer(0, 100)),
        "output_format": optional(choice("png", "webp", "jpeg", "gif", "svg")),
        "partial_images": optional(integer(0, 3)),
        "quality": optional(string),
        "response_format": optional(choice("url", "b64_json")),
        "safety_identifier": optional(string),
        "size": optional(string),
        "stream": optional(boolean),
        "style": optional(choice("vivid", "natural")),
        "svg": optional(mapping),
        "user": string,
    },
    ("prompt",),
)


def generations(arrival: Arrival) -> LabAnswer:
    """POST /v1/images/generations. Raises Refusal."""
    body = arrival.body(_REQUEST)
    model = body.get("model") or "dall-e-2"
    check_exists(model)
    old = model.startswith("dall-e")
    if not old and body.get("response_format"):
        raise Refusal(
            "Unknown parameter: 'response_format'.", param="response_format", code="unknown_parameter"
        )
    if body.get("stream"):
        raise Refusal("Streaming is not supported for this model.", param="stream")
    image: dict[str, Any] = {"b64_json": _PIXEL}
    if old and body.get("response_format") != "b64_json":
        image = {"url": f"https://images.example.com/{arrival.answer_id}.png"}
    answer: dict[str, Any] = {"created": arrival.now, "data": [image] * (body.get("n") or 1)}
    if not old:
        answer["usage"] = {
            "input_tokens": 12,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 12},
            "output_tokens": 272,
            "total_tokens": 284,
        }
    return arrival.json(answer)
