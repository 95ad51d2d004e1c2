"""A gateway on the way wraps its upstream's refusal in metadata."""

from halfopen.lab.acts.status import JSON, answered
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_500_wrapped_403",
    summary="500 that wraps a 403",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="An upstream of the provider forbids the call.",
    act=answered(
        500,
        (
            b'{"error": {"message": "Provider returned error", "code": '
            b'500, "metadata": {"provider_name": "Lab", "raw": '
            b'"{\\"error\\": {\\"code\\": 403, \\"message\\": \\"Permission '
            b'denied on resource project lab.\\", \\"status\\": '
            b'\\"PERMISSION_DENIED\\"}}"}}}'
        ),
        JSON,
    ),
    dialects=("openai",),
)
