"""llama.cpp listens before its model is loaded."""

from halfopen.lab.acts.status import JSON, answered
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="llamacpp_503_loading",
    summary="503 Loading model of llama.cpp",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The model is being loaded and will be there soon.",
    act=answered(
        503,
        (b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}'),
        JSON,
        with_id=False,
    ),
    dialects=("openai",),
)
