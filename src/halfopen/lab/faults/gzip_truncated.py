"""A proxy's cache holds half of a compressed body."""

from halfopen.lab.acts import encoding
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gzip_truncated",
    summary="a gzip body without its end",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The answer broke off inside its encoding.",
    act=encoding.cut_gzip,
)
