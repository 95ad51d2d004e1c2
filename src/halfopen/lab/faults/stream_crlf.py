"""Some servers end their lines with CRLF."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_crlf",
    summary="stream: CRLF line ends",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well.",
    act=stream.crlf,
    modes=("stream",),
    healthy=True,
)
