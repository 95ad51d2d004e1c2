"""Some servers never send `[DONE]`; the finish reason is evidence enough."""

from halfopen.lab.acts import stream
from halfopen.lab.exchange import PieceKind
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_no_done",
    summary="stream: no [DONE] after the finish",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well.",
    act=stream.without(PieceKind.DONE),
    modes=("stream",),
    healthy=True,
    dialects=("openai",),
)
