"""An application that failed writes `null` and the status 200."""

from halfopen.lab.acts.body import replaced
from halfopen.lab.acts.spoiled import null
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ok_null",
    summary="200 with the JSON null",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="There is no answer in the answer.",
    act=replaced(null),
)
