"""Too much traffic on all of the provider."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_503_server_is_overloaded",
    summary="503 server_is_overloaded",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider is overloaded.",
    act=openai_error(
        503,
        (
            "The server is currently overloaded with other requests. "
            "Sorry about that! You can retry your request."
        ),
        "server_error",
        code="server_is_overloaded",
    ),
    dialects=("openai",),
)
