"""A gateway on the way reports its upstream's error with the status 200."""

from halfopen.lab.acts.body import replaced
from halfopen.lab.acts.spoiled import error_of
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ok_error_object",
    summary="200 with an error object",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="An error, though the status says otherwise.",
    act=replaced(error_of),
)
