"""A proxy compresses with zstd though the client asked for identity."""

from halfopen.lab.acts import encoding
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="encoded_zstd",
    summary="a good answer in zstd",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well, but compressed.",
    act=encoding.encoded("zstd", encoding.Zstd),
    healthy=True,
)
