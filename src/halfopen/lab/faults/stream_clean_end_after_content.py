"""The stream ends in order, with its last chunk, but without a finish.

No SDK checks, so that half an answer passes for a whole one.
"""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_clean_end_after_content",
    summary="stream: it ends cleanly without a finish, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer broke off, though the framing says otherwise.",
    act=stream.after(stream.clean_end),
    modes=("stream",),
    options=placement.BYTE_PLACES,
)
