"""Too much traffic on all of the API; it lasts minutes to hours."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_529_overloaded",
    summary="529 overloaded_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider is overloaded.",
    act=anthropic_error(529, "Overloaded"),
    dialects=("anthropic",),
)
