"""Blocks: the long-term form of a metric's points.

A block holds points of one series of one run, sorted by (step, timestamp, value), compressed column
by column with pcodec (https://github.com/pcodec/pcodec); short ones stay plain. Layout:
docs/formats/metric-blocks.md. ``store.sql.metric_fold`` decides when blocks are made and joined.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np
from pcodec import ChunkConfig, DeltaSpec, ModeSpec
from pcodec.standalone import simple_compress, simple_decompress_into

from assay.entities.metrics import History
from assay.errors import Corrupted
from assay.metrics.checksum import CHECKSUM_SIZE, is_sound, seal
from assay.metrics.columns import Column, pack, unpack
from assay.metrics.points import select

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BLOCK_VERSION",
    "FULL_BLOCK",
    "MIN_COMPRESSED",
    "cut",
    "decode",
    "decode_all",
    "encode",
]

BLOCK_VERSION: Final = 1
"""Written into each block. To change the layout: describe it in docs/formats/metric-blocks.md,
count up here, keep the old reader in ``_decode_into``, and add a file written by the old version to
the golden tests."""

FULL_BLOCK: Final = 4_096
"""Points of a full block: more make compression hardly better and reading a part of a curve
dearer."""
MIN_COMPRESSED: Final = 256
"""Points from which pcodec pays: fewer cost it as much time and save little."""

_PLAIN, _PCODEC = 0, 1
_HEADER = struct.Struct("<BBBBIIIqq")
"""Version, codec, bytes per step and per timestamp (plain only), number of points, size of the step
and the timestamp column, base step and timestamp (plain only)."""

# Steps and timestamps nearly always grow evenly: naming the transform saves the search for it (ten
# times as long).
_EVEN = ChunkConfig(mode_spec=ModeSpec.classic(), delta_spec=DeltaSpec.try_consecutive(1))
# Level 4 against the default 8: 0.7 % larger, four times as fast.
_NOISE = ChunkConfig(
    compression_level=4, mode_spec=ModeSpec.classic(), delta_spec=DeltaSpec.no_op()
)
_SINGLE = ChunkConfig(
    compression_level=4, mode_spec=ModeSpec.try_float_quant(29), delta_spec=DeltaSpec.no_op()
)
"""For values that were ``float32``: the lower 29 bits of the mantissa are zero."""
_SEARCH = ChunkConfig(compression_level=4)
"""Lets pcodec look for structure: fractions of one total, few digits, smooth curves."""
_SAMPLE: Final = 512
_WORTH: Final = 0.85
"""Structure is used where it saves this much of a sample: searching whole blocks costs ten times
the encoding."""


def cut(points: History, *, size: int = FULL_BLOCK) -> list[slice]:
    """Sorted points in slices of about ``size``, so that one (step, timestamp) never falls into
    two.
    """
    count = len(points.steps)
    borders = [0]
    while count - borders[-1] > size:
        border = _next_change(points, borders[-1] + size)
        if border >= count:
            break
        borders.append(border)
    return [slice(a, b) for a, b in zip(borders, [*borders[1:], count], strict=True) if b > a]


def encode(points: History) -> bytes:
    """The stored form of one or more sorted points."""
    count = len(points.steps)
    steps = np.ascontiguousarray(points.steps, np.int64)
    times = np.ascontiguousarray(points.timestamps, np.int64)
    values = np.ascontiguousarray(points.values, np.float64)
    if count < MIN_COMPRESSED:
        return _encode_plain(steps, times, values)
    step_data = simple_compress(steps, _EVEN)
    time_data = simple_compress(times, _EVEN)
    value_data = simple_compress(values, _value_config(values))
    header = _HEADER.pack(BLOCK_VERSION, _PCODEC, 0, 0, count, len(step_data), len(time_data), 0, 0)
    return seal(header, step_data, time_data, value_data)


def decode(blob: bytes) -> History:
    """The points of one block, sorted.

    Raises:
        Corrupted: the bytes are not those that ``encode`` gave.
    """
    return decode_all([blob])


def decode_all(blobs: list[bytes]) -> History:
    """The points of several blocks, one after the other. Raises ``Corrupted`` as ``decode``."""
    counts = [_count(blob) for blob in blobs]
    total = sum(counts)
    points = History(
        np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.float64)
    )
    start = 0
    for blob, count in zip(blobs, counts, strict=True):
        _decode_into(blob, select(points, slice(start, start + count)))
        start += count
    return points


def _next_change(points: History, at: int) -> int:
    """The first place from ``at`` on whose (step, timestamp) differs from the one before."""
    steps, times, count = points.steps, points.timestamps, len(points.steps)
    while at < count and steps[at] == steps[at - 1] and times[at] == times[at - 1]:
        at += 1
    return at


def _value_config(values: NDArray[np.float64]) -> ChunkConfig:
    low_bits = values.view(np.int64) & (2**29 - 1)
    if not low_bits.any():
        return _SINGLE
    if len(values) < 2 * _SAMPLE:
        return _NOISE
    sample = values[:_SAMPLE]
    found, plain = (len(simple_compress(sample, config)) for config in (_SEARCH, _NOISE))
    return _SEARCH if found < plain * _WORTH else _NOISE


def _encode_plain(
    steps: NDArray[np.int64], times: NDArray[np.int64], values: NDArray[np.float64]
) -> bytes:
    step = pack(steps, low=int(steps.min()), high=int(steps.max()))
    time = pack(times, low=int(times.min()), high=int(times.max()))
    header = _HEADER.pack(
        BLOCK_VERSION,
        _PLAIN,
        step.width,
        time.width,
        len(steps),
        len(step.data),
        len(time.data),
        step.base,
        time.base,
    )
    return seal(header, step.data, time.data, values.astype("<f8", copy=False).tobytes())


def _count(blob: bytes) -> int:
    if not is_sound(blob, least=_HEADER.size):
        raise Corrupted("A stored metric block doesn't match its checksum.")
    version, _, _, _, count, *_ = _HEADER.unpack_from(blob, CHECKSUM_SIZE)
    if version != BLOCK_VERSION:
        raise Corrupted(f"A stored metric block has the unknown version {version}.")
    return int(count)


def _decode_into(blob: bytes, target: History) -> None:
    header = _HEADER.unpack_from(blob, CHECKSUM_SIZE)
    _, codec, step_width, time_width, count, step_size, time_size, step, time = header
    a = CHECKSUM_SIZE + _HEADER.size
    b = a + step_size
    c = b + time_size
    try:
        if codec == _PLAIN:
            target.steps[:] = unpack(Column(step, step_width, blob[a:b]), count)
            target.timestamps[:] = unpack(Column(time, time_width, blob[b:c]), count)
            target.values[:] = np.frombuffer(blob, "<f8", count, c)
        else:
            simple_decompress_into(blob[a:b], target.steps)
            simple_decompress_into(blob[b:c], target.timestamps)
            simple_decompress_into(blob[c:], target.values)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise Corrupted(f"A stored metric block can't be decoded: {error}.") from error
