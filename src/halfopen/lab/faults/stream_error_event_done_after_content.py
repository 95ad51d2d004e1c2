"""vLLM sends an error event and then `[DONE]`, as after a whole answer."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_error_event_done_after_content",
    summary="stream: an error event, then [DONE], after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The provider failed in the middle.",
    act=stream.after(stream.error_event_done),
    modes=("stream",),
    options=placement.PLACES,
    dialects=("openai",),
)
