"""The provider answers 200 with an empty list where the answer should be."""

from halfopen.lab.acts.body import replaced
from halfopen.lab.acts.spoiled import no_choices
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ok_no_choices",
    summary="200 without choices, content or candidates",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="There is no answer in the answer.",
    act=replaced(no_choices),
    modes=("plain",),
)
