"""500 engine dead of vLLM.

vLLM's engine process died, by want of memory for example; the server in front lives on and answers 500
to all until somebody restarts it.
"""

from halfopen.lab.acts.status import JSON, answered
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="vllm_500_engine_dead",
    summary="500 engine dead of vLLM",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The engine is gone and won't come back by itself.",
    act=answered(
        500,
        (
            b'{"error":{"message":"EngineCore encountered an issue. See '
            b"stack trace (above) for the root "
            b'cause.","type":"InternalServerError","param":null,"code":500'
            b"}}"
        ),
        JSON,
        with_id=False,
    ),
    dialects=("openai",),
)
