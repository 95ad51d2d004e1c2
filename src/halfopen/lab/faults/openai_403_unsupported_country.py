"""403 unsupported_country_region_territory.

The call leaves from a country or an exit address that OpenAI does not serve, often after a move of
servers or a VPN.
"""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_403_unsupported_country",
    summary="403 unsupported_country_region_territory",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider does not serve this place.",
    act=openai_error(
        403,
        "Country, region, or territory not supported",
        "request_forbidden",
        code="unsupported_country_region_territory",
    ),
    dialects=("openai",),
)
