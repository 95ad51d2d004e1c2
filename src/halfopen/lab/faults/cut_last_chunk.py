"""All of the JSON came, but not the chunk that says so."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="cut_last_chunk",
    summary="the whole JSON, no last chunk, a close",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer may or may not be whole.",
    act=body.cut_whole_json,
    modes=("plain",),
)
