"""The network cuts the stream at every byte, also inside characters and line ends."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_byte_by_byte",
    summary="stream: every byte is a chunk of its own",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well.",
    act=stream.byte_by_byte,
    modes=("stream",),
    healthy=True,
    options=(("pause_s", 0.0),),
)
