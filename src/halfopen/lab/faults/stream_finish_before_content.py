"""The finish reason comes before any content, as when a filter or a bug swallowed the answer."""

from halfopen.lab.acts import stream
from halfopen.lab.exchange import PieceKind
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_finish_before_content",
    summary="stream: a finish without any content",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="There is no answer in the answer.",
    act=stream.without(PieceKind.CONTENT),
    modes=("stream",),
)
