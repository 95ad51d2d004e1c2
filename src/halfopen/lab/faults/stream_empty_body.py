"""A proxy closed the stream before its first event."""

from halfopen.lab.acts import stream
from halfopen.lab.exchange import PieceKind
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_empty_body",
    summary="stream: an event stream without any event",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="There is no answer in the answer.",
    act=stream.without(*PieceKind),
    modes=("stream",),
)
