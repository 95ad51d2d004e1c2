"""The API moved, or plain HTTP is sent to HTTPS.

Following it would repeat the prompt, and the key, to somewhere else.
"""

from halfopen.lab.acts.status import answered
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="redirect_307",
    summary="307 to another path",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The API is somewhere else.",
    act=answered(307, b"", ("location", "/moved/v1/chat/completions"), with_id=False),
)
