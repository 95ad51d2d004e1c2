"""A proxy gone wrong repeats a header until it passes every bound."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="huge_headers",
    summary="a response header of 256 KiB",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The head is larger than clients accept.",
    act=connection.huge_headers,
    options=(("size_bytes", 262144),),
)
