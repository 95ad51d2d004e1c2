"""The stream ends in order, with its last chunk, but without a finish.

No SDK checks, so that half an answer passes for a whole one.
"""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_clean_end_before_content",
    summary=("stream: it ends cleanly without a finish, before the first content"),
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The answer broke off, though the framing says otherwise.",
    act=stream.before(stream.clean_end),
    modes=("stream",),
)
