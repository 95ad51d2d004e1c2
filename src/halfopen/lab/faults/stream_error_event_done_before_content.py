"""vLLM sends an error event and then `[DONE]`, as after a whole answer."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_error_event_done_before_content",
    summary="stream: an error event, then [DONE], before the first content",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider failed in the middle.",
    act=stream.before(stream.error_event_done),
    modes=("stream",),
    dialects=("openai",),
)
