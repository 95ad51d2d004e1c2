"""Some servers leave the connection open after the finish reason; the answer is whole all the same."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_hang_after_finish",
    summary="stream: whole, but neither [DONE] nor an end follows",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well.",
    act=stream.hang_after_finish,
    modes=("stream",),
    healthy=True,
    dialects=("openai", "gemini"),
    options=(stream.BOUND,),
)
