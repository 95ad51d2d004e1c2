"""A bad key comes as a 400, as if the request were wrong."""

from halfopen.lab.acts.status import gemini_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gemini_400_api_key_invalid",
    summary="400 API_KEY_INVALID",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The key is not accepted.",
    act=gemini_error(
        400,
        "API key not valid. Please pass a valid API key.",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            }
        ],
    ),
    dialects=("gemini",),
)
