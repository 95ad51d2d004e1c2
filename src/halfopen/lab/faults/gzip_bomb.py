"""A few hundred kilobytes that decode to 256 MiB."""

from halfopen.lab.acts import encoding
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="gzip_bomb",
    summary="a gzip body that decodes to 256 MiB",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The body is a trap for whoever decodes it without a bound.",
    act=encoding.bomb,
    options=(("size_bytes", 268435456),),
)
