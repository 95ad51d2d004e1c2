"""A proxy compresses with br though the client asked for identity."""

from halfopen.lab.acts import encoding
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="encoded_br",
    summary="a good answer in br",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well, but compressed.",
    act=encoding.encoded("br", encoding.Brotli),
    healthy=True,
)
