"""Numbers of a request, as clients write them."""

from typing import Any


def whole(value: Any) -> Any:
    """A float that is a whole number as an integer (`4096.0` as 4096); anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
