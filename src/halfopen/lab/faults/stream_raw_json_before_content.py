"""A framework wrote its JSON error into the stream, without `data:`."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_raw_json_before_content",
    summary="stream: an error as bare JSON, before the first content",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider failed in the middle.",
    act=stream.before(stream.raw_json),
    modes=("stream",),
)
