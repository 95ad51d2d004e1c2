"""A proxy labels a body as gzip that isn't, or breaks it."""

from halfopen.lab.acts import encoding
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gzip_invalid",
    summary="content-encoding gzip on broken bytes",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The body can't be decoded.",
    act=encoding.broken_gzip,
)
