"""Ollama's queue is full: more requests than it may keep waiting."""

from halfopen.lab.acts.status import JSON, answered
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ollama_503_queue_full",
    summary="503 of Ollama",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The server's queue is full.",
    act=answered(
        503,
        (
            b'{"error":{"message":"server busy, please try again.  '
            b"maximum pending requests "
            b'exceeded","type":"api_error","param":null,"code":null}}'
        ),
        JSON,
        with_id=False,
    ),
    dialects=("openai",),
)
