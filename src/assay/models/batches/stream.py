"""Arrow tables on their way between processes."""

from __future__ import annotations

from typing import Any

from assay.models.batches.reading import pyarrow


def to_stream(table: Any) -> Any:
    """The table as an Arrow buffer, which is written like bytes."""
    pa = pyarrow()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def from_stream(content: bytes) -> Any:
    """The table of a buffer; it uses the buffer's memory."""
    pa = pyarrow()
    with pa.ipc.open_stream(pa.py_buffer(content)) as reader:
        return reader.read_all()
