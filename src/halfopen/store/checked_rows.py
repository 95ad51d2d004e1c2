"""Whether rows are what the columns say, for stores whose own answer would come too late or be unclear."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Annotated, Any, Final

import msgspec

from halfopen.seams.outcome_store import CONTEXT, DETAILED, PRICED, Row, Rows, RowsError
from halfopen.store.schema import OUTCOMES, Column, Sort

_INTEGER: Final = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_TYPES: Final[Mapping[Sort, Any]] = {
    Sort.NAME: str,
    Sort.TEXT: str,
    Sort.INTEGER: _INTEGER,
    Sort.FLAG: Annotated[int, msgspec.Meta(ge=0, le=1)],
    Sort.REAL: float,
    Sort.BYTES: bytes,
}


def _type(column: Column) -> Any:
    return _TYPES[column.sort] | None if column.nullable else _TYPES[column.sort]


def _rows(names: Sequence[str]) -> Any:
    columns = {column.name: column for column in OUTCOMES}
    return list[tuple[tuple(_type(columns[name]) for name in names)]]  # type: ignore[misc]  # made of data


_CONTEXT: Final = _rows(CONTEXT)
_PLAIN: Final = _rows(PRICED)
_DETAILED: Final = _rows(DETAILED)
_ID: Final = DETAILED.index("request_id")
_IN_ORDER: Final[Callable[[Row], Row]] = itemgetter(*(DETAILED.index(column.name) for column in OUTCOMES))
_REST: Final = (None, 0, 1, 0, 0, None)
"""What `DETAILED` has at the end, for a plain row."""


def checked(rows: Rows) -> list[Row]:
    """All of them with the columns of `schema.OUTCOMES`, in that order.

    Raises:
        RowsError: A value is missing, or of another type.
    """
    try:
        made: list[Row] = []
        for group in rows.plain:
            (context,) = msgspec.convert([group.context], _CONTEXT)
            plain = msgspec.convert(group.rows, _PLAIN)
            made += [(*context, *row, group.rescued, *_REST) for row in plain]
        made += msgspec.convert(rows.detailed, _DETAILED)
        for row in made:
            str(row[_ID]).encode()
    except (msgspec.ValidationError, UnicodeError) as error:
        raise RowsError(str(error)) from None
    return [_IN_ORDER(row) for row in made]
