"""Bodies of requests for predictions: bytes and a content type in, data and params out.

Two roads lead to the same data. The fast one is for models that take arrays: JSON is decoded
straight into typed columns, without pandas. It takes only what the general road
(``assay.models.scoring``) would give the same array for; whatever else comes, mistakes included,
goes there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from assay.errors import InvalidInput
from assay.models.input_example import Example
from assay.models.mlmodel import Model
from assay.models.scoring import parse_csv, parse_parquet, parse_request
from assay.models.signatures.data_types import DataType
from assay.models.signatures.schema import Schema

if TYPE_CHECKING:
    import numpy as np

JSON: Final = "application/json"
CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
CONTENT_TYPES: Final = (CSV, JSON, PARQUET)
_EXACT: Final = 2.0**53
"""From here on an integer in JSON may not be the float that it is read as."""
_MAX_ORDERS: Final = 64
"""Orders of columns that are remembered: clients have one or two."""


class UnsupportedContent(InvalidInput):
    """A body of a type that nothing here reads."""

    http_status = 415

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"A body of the type {content_type[:80]!r} can't be read: send one of"
            f" {', '.join(CONTENT_TYPES)}, in UTF-8."
        )


def media_type(header: str) -> str:
    """The type that a Content-Type header names; none means JSON.

    Raises:
        UnsupportedContent: it is another, or not in UTF-8.
    """
    if not header or header == JSON:
        return JSON
    name, _, options = header.partition(";")
    name = name.strip().lower()
    charset = options.strip().lower().removeprefix("charset=").strip('"')
    if name not in CONTENT_TYPES or (options.strip() and charset not in ("utf-8", "utf8")):
        raise UnsupportedContent(header)
    return name


def read_body(body: bytes, kind: str, model: Model) -> Example:
    """The data and params that a body holds, by the general road.

    Raises:
        InvalidInput: naming what can't be read.
    """
    if kind == JSON:
        return parse_request(body, model)
    if kind == CSV:
        return parse_csv(body, model)
    return parse_parquet(body)


class ArrayReader:
    """The fast road: the body of a request as one array of the model's columns."""

    def __init__(self, columns: Sequence[str], types: Sequence[DataType]) -> None:
        import numpy as np

        self._dtype = np.result_type(*(one.to_numpy() for one in types))
        self.columns = list(columns)
        """Names of the array's columns, in their order."""
        self._is_float = self._dtype.kind == "f"
        kinds = tuple(float if one is DataType.double else _integer(one) for one in types)
        self._alike = len(set(types)) == 1
        self._orders: dict[tuple[str, ...], list[int]] = {}
        row: Any = tuple[kinds]  # type: ignore[valid-type]
        split = msgspec.defstruct(
            "Split", [("columns", list[str]), ("data", list[row])], forbid_unknown_fields=True
        )
        record = msgspec.defstruct(
            "Record",
            [(f"c{at}", kind) for at, kind in enumerate(kinds)],
            rename={f"c{at}": name for at, name in enumerate(columns)},
            forbid_unknown_fields=True,
        )
        body = msgspec.defstruct(
            "Body",
            [
                ("dataframe_split", split | None, None),
                ("dataframe_records", list[record] | None, None),  # type: ignore[valid-type]
            ],
            forbid_unknown_fields=True,
        )
        self._decoder = msgspec.json.Decoder(body)

    def read(self, body: bytes) -> np.ndarray[Any, Any] | None:
        """The rows as an array of shape ``(rows, columns)``; ``None``: ask the general road."""
        import numpy as np

        try:
            request: Any = self._decoder.decode(body)
        except msgspec.MsgspecError:
            return None
        split, records = request.dataframe_split, request.dataframe_records
        if (split is None) == (records is None):
            return None
        order = None
        if split is None:
            rows = [msgspec.structs.astuple(record) for record in records]
        else:
            rows = split.data
            if split.columns != self.columns:
                order = self._order(tuple(split.columns))
                if order is None:
                    return None
        if not rows:
            return None
        array = np.array(rows, dtype=self._dtype)
        if self._is_float and not (np.abs(array) < _EXACT).all():
            return None
        return array if order is None else array[:, order]

    def _order(self, columns: tuple[str, ...]) -> list[int] | None:
        """Where each of the model's columns is among those of a request in another order."""
        found = self._orders.get(columns)
        # Types were checked by place, so all must have the same.
        if found is None and self._alike and sorted(columns) == sorted(self.columns):
            found = [columns.index(name) for name in self.columns]
            if len(self._orders) < _MAX_ORDERS:
                self._orders[columns] = found
        return found


def array_reader(schema: Schema | None) -> ArrayReader | None:
    """The fast road for a schema; ``None`` where it has others than required columns of 64-bit or
    integer numbers with names.
    """
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return None
    numbers = (DataType.double, DataType.long, DataType.integer)
    specs = list(schema)
    if not all(spec.required and spec.type in numbers for spec in specs):
        return None
    names = [spec.name for spec in specs]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return None
    return ArrayReader([str(name) for name in names], [DataType(str(s.type)) for s in specs])


def _integer(kind: DataType) -> Any:
    from typing import Annotated

    bits = 31 if kind is DataType.integer else 63
    return Annotated[int, msgspec.Meta(ge=-(2**bits), le=2**bits - 1)]
