"""A connection so slow that every read succeeds and the answer still never comes."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="body_drip",
    summary="the body at one byte a second",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The provider or the network is far too slow.",
    act=body.dripped,
    modes=("plain",),
    options=(("interval_s", 1.0), ("bound_s", 60.0)),
)
