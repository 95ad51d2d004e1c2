"""A proxy compresses with gzip though the client asked for identity."""

from halfopen.lab.acts import encoding
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="encoded_gzip",
    summary="a good answer in gzip",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well, but compressed.",
    act=encoding.encoded("gzip", encoding.Gzip),
    healthy=True,
)
