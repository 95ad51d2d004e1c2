"""A proxy adds `[DONE]` to whatever it got, so that a cut answer looks complete."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_done_without_finish_after_content",
    summary="stream: [DONE] comes without a finish reason, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer broke off, though the stream says otherwise.",
    act=stream.after(stream.done_without_finish),
    modes=("stream",),
    options=placement.PLACES,
    dialects=("openai",),
)
