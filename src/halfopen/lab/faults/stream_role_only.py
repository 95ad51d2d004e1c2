"""The stream opens an answer, says nothing and ends."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_role_only",
    summary="stream: the opening, then a clean end",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="There is no answer in the answer.",
    act=stream.role_only,
    modes=("stream",),
)
