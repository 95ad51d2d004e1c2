"""Nobody listens: a crashed server, a wrong port, a firewall that rejects.

The port stays reserved meanwhile.
"""

from halfopen.lab.fault import LabFault, Phase, Stage

FAULT = LabFault(
    name="refused",
    summary="the connection is refused",
    phase=Phase.CONNECT,
    provider_meaning="Nobody listens on the port.",
    stage=Stage.LISTEN,
    options=(("bound_s", 60.0),),
)
