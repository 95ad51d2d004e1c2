"""OpenAI's moderations endpoint: whatever speaks of killing is flagged as violence, nothing else is."""

import re
from typing import Any

from halfopen.lab.exchange import LabAnswer
from halfopen.lab.openai.arrival import Arrival, check_exists
from halfopen.lab.shape import array, either, mapping, optional, record, string, tagged

_BAD = re.compile(r"\bkill", re.IGNORECASE)
_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_PART = tagged(
    "type",
    {
        "text": record({"type": string, "text": string}, ("text",)),
        "image_url": record({"type": string, "image_url": mapping}, ("image_url",)),
    },
)
_REQUEST = record(
    {
        "input": either(string=string, array=array(either(string=string, object=_PART), least=1)),
        "model": optional(string),
    },
    ("input",),
)


def moderations(arrival: Arrival) -> LabAnswer:
    """POST /v1/moderations. Raises Refusal."""
    body = arrival.body(_REQUEST)
    model = body.get("model") or "omni-moderation-latest"
    check_exists(model)
    given = body["input"]
    if isinstance(given, str):
        texts = [given]
    elif isinstance(given[0], dict):  # the parts of one message
        texts = [" ".join(part.get("text", "") for part in given if isinstance(part, dict))]
    else:
        texts = [each if isinstance(each, str) else "" for each in given]
    results = [_result(text) for text in texts]
    return arrival.json({"id": f"modr-{arrival.answer_id}", "model": model, "results": results})


def _result(text: str) -> dict[str, Any]:
    flagged = _BAD.search(text) is not None
    bad = {name: flagged and name == "violence" for name in _CATEGORIES}
    return {
        "flagged": flagged,
        "categories": bad,
        "category_scores": {name: 0.97 if bad[name] else 0.0001 for name in _CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }
