"""Whether an object that a client made has all fields that its type promises, in their types.

The clients make their objects without looking, so that an application only notices when it reaches
for a field that is not there.
"""

from functools import cache
from typing import Any

import pydantic


@cache
def _adapter(kind: type[Any]) -> "pydantic.TypeAdapter[Any]":
    return pydantic.TypeAdapter(kind)


def wrong_type(value: Any, *free: str) -> str | None:
    """What is wrong with a client's object, in a few words; None: nothing.

    Args:
        value: A pydantic model that was made without validation.
        free: Names of fields that real answers leave out or null though the type says otherwise.
    """
    if not isinstance(value, pydantic.BaseModel):
        return f"a {type(value).__name__} that is no typed object"
    data = value.model_dump(by_alias=True, exclude_unset=True, warnings=False)
    try:
        _adapter(type(value)).validate_python(data)
    except pydantic.ValidationError as problem:
        for each in problem.errors():
            if each["loc"] and each["loc"][-1] not in free:
                where = ".".join(str(step) for step in each["loc"])
                return f"{type(value).__name__}.{where}: {each['msg']}"
            if not each["loc"]:
                return f"{type(value).__name__}: {each['msg']}"
    return None
