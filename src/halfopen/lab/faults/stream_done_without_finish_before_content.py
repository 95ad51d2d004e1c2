"""A proxy adds `[DONE]` to whatever it got, so that a cut answer looks complete."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_done_without_finish_before_content",
    summary=("stream: [DONE] comes without a finish reason, before the first content"),
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The answer broke off, though the stream says otherwise.",
    act=stream.before(stream.done_without_finish),
    modes=("stream",),
    dialects=("openai",),
)
