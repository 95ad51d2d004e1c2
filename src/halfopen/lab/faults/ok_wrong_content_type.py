"""A good answer under the name of another type.

The body itself is whole.
"""

from halfopen.lab.acts.body import replaced
from halfopen.lab.acts.spoiled import good
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ok_wrong_content_type",
    summary="200 with good JSON as text/html",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The answer is whole, but labelled as something else.",
    act=replaced(good, "text/html"),
    modes=("plain",),
)
