"""The model finished without a word: a message with empty text and a finish reason."""

from halfopen.lab.acts.body import replaced
from halfopen.lab.acts.spoiled import empty_content
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ok_empty_content",
    summary="200 with an empty message",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The model said nothing.",
    act=replaced(empty_content),
    modes=("plain",),
)
