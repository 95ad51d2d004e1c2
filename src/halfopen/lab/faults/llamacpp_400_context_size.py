"""llama.cpp was started with a smaller context than the prompt needs."""

from halfopen.lab.acts.status import JSON, answered
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="llamacpp_400_context_size",
    summary="400 exceed_context_size_error of llama.cpp",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The prompt is longer than the server's context.",
    act=answered(
        400,
        (
            b'{"error":{"code":400,"message":"the request exceeds the '
            b"available context size. try increasing the context size or "
            b"enable context "
            b'shift","type":"exceed_context_size_error","n_prompt_tokens":'
            b'9000,"n_ctx":4096}}'
        ),
        JSON,
        with_id=False,
    ),
    dialects=("openai",),
)
