"""When an answer was made: OpenAI's `created`, which other vendors don't send."""

from email.utils import parsedate_to_datetime

from halfopen.model import Reply


def created_of(reply: Reply, created_s: int) -> int:
    """When the server says it answered, in Unix seconds, else what the driver's clock says.

    Args:
        reply: A whole reply; its date header wins.
        created_s: Unix seconds; used when the header is missing or unreadable.
    """
    for name, value in reply.headers:
        if name.lower() == "date":
            try:
                return max(0, int(parsedate_to_datetime(value).timestamp()))
            except (ValueError, TypeError, OverflowError, IndexError):
                return created_s
    return created_s
