"""A load balancer with no backend accepts and resets at once."""

from halfopen.lab.fault import LabFault, Phase, Stage

FAULT = LabFault(
    name="reset_on_accept",
    summary="the connection is reset as soon as it is made",
    phase=Phase.CONNECT,
    provider_meaning="Something listens but drops connections.",
    stage=Stage.ACCEPT,
)
