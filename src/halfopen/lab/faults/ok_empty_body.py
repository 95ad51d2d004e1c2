"""A proxy lost the body."""

from halfopen.lab.acts.body import replaced
from halfopen.lab.acts.spoiled import nothing
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ok_empty_body",
    summary="200 with an empty body",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="There is no answer in the answer.",
    act=replaced(nothing),
)
