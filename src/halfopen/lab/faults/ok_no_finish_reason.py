"""The answer has text, but no finish reason: nobody says that it is whole."""

from halfopen.lab.acts.body import replaced
from halfopen.lab.acts.spoiled import no_finish
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ok_no_finish_reason",
    summary="200 without a finish reason",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="Nobody knows whether the answer is whole.",
    act=replaced(no_finish),
    modes=("plain",),
)
