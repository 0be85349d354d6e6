"""Profiles of columns: what later data are compared with, in a few kilobytes.

Numbers are kept as evenly spaced quantiles, from which both bins and a distribution function come;
all else as counts of the most frequent values. Format: docs/formats/data-profile.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np

from assay.data.arrays import NumpyDataset
from assay.data.dataset import Dataset
from assay.data.files import FileDataset
from assay.data.frames import PandasDataset, PolarsDataset
from assay.errors import InvalidInput

VERSION: Final = 1
"""Of the file's layout. A change adds a version and keeps reading the older ones."""
QUANTILES: Final = 257
"""The distribution function that they give is off by at most 1/256."""
_CLASSES: Final = 64
"""Values of a column that are counted one by one; the rest together."""
_MAX_TEXT: Final = 200
MAX_FILE_BYTES: Final = 64 << 20
_MAX_ROWS: Final = 200_000
"""Of data that a profile is made of; more change no figure that is shown."""
Kind = Literal["number", "category"]


class ColumnProfile(msgspec.Struct, frozen=True):
    """One column."""

    kind: Kind
    count: int
    """Values that are there."""
    missing: int
    quantiles: list[float] = []
    """Of numbers: from the least to the greatest, ``QUANTILES`` or fewer."""
    classes: dict[str, int] = {}
    """Of others: how often each value is there, the most frequent ones."""


class Profile(msgspec.Struct, frozen=True):
    """Columns of a data set."""

    rows: int
    columns: dict[str, ColumnProfile]
    version: int = VERSION


def profile_of(columns: Mapping[str, Any]) -> Profile:
    """The profile of columns, each an array or list; those of lists and objects are left out.

    Raises:
        InvalidInput: they have different lengths, or there are none.
    """
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise InvalidInput("A profile needs columns, all of the same length.")
    found = {str(name): profile_of_column(values) for name, values in columns.items()}
    return Profile(
        rows=lengths.pop(), columns={name: one for name, one in found.items() if one is not None}
    )


def profile_of_column(values: Any) -> ColumnProfile | None:
    """The profile of one column; ``None``: its values are neither numbers nor names."""
    numbers = as_numbers(values)
    if numbers is not None:
        there = numbers[np.isfinite(numbers)]
        quantiles: list[float] = []
        if len(there):
            shares = np.linspace(0, 1, min(QUANTILES, len(there)))
            quantiles = np.quantile(there, shares, method="inverted_cdf").tolist()
        return ColumnProfile("number", len(there), len(numbers) - len(there), quantiles)
    texts = as_texts(values)
    if texts is None:
        return None
    counted = Counter(text for text in texts if text is not None)
    return ColumnProfile(
        "category",
        counted.total(),
        len(texts) - counted.total(),
        classes=dict(counted.most_common(_CLASSES)),
    )


def as_numbers(values: Any) -> np.ndarray[Any, Any] | None:
    """Values as float64, missing ones as NaN; ``None``: they aren't numbers."""
    array = np.asarray(values)
    if array.dtype.kind in "iuf":
        return array.astype(np.float64) if array.ndim == 1 else None
    if array.dtype.kind != "O" or array.ndim != 1:
        return None
    if not all(
        one is None or (isinstance(one, int | float | np.number) and not isinstance(one, bool))
        for one in array
    ):
        return None
    if all(one is None for one in array):
        return None
    return np.array([np.nan if one is None else float(one) for one in array])


def as_texts(values: Any) -> list[str | None] | None:
    """Values by their names, missing ones as ``None``; ``None``: they have none."""
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    texts: list[str | None] = []
    for one in listed:
        if one is None or (isinstance(one, float) and np.isnan(one)) or str(one) in _MISSING:
            texts.append(None)
        elif isinstance(one, list | dict | tuple | bytes):
            return None
        else:
            texts.append(str(one)[:_MAX_TEXT])
    return texts


_MISSING: Final = ("<NA>", "NaT")
"""How pandas' missing values print."""


def profile_of_frame(frame: Any) -> Profile:
    """The profile of a pandas or Polars frame; of many rows, of an even part of them."""
    step = max(1, -(-len(frame) // _MAX_ROWS))
    return profile_of({str(name): frame[name].to_numpy()[::step] for name in frame.columns})


def profile_of_dataset(dataset: Dataset) -> Profile:
    """The profile of the data that a data set describes.

    Raises:
        InvalidInput: they aren't at hand, or are no table.
        MissingExtra: a file, without pandas or Polars.
    """
    if isinstance(dataset, PandasDataset | PolarsDataset):
        return profile_of_frame(dataset.df)
    if isinstance(dataset, FileDataset):
        return profile_of_frame(dataset.load())
    features = dataset.features if isinstance(dataset, NumpyDataset) else None
    if isinstance(features, Mapping):
        return profile_of(features)
    if features is None or features.ndim != 2:
        raise InvalidInput(f"The data set {dataset.name!r} is no table that a profile is made of.")
    step = max(1, -(-len(features) // _MAX_ROWS))
    # As the prediction log calls columns without names.
    return profile_of({f"input.{at}": features[::step, at] for at in range(features.shape[1])})


def read_profile(file: Path) -> Profile:
    """The profile that a file holds.

    Raises:
        InvalidInput: it holds none, or one of a newer version.
    """
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InvalidInput(f"{file} is too large to be a profile.")
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} can't be read: {error.strerror}.") from None
    return parse_profile(content, str(file))


def parse_profile(content: bytes, where: str) -> Profile:
    """The profile that JSON holds; ``where`` names it in errors.

    Raises:
        InvalidInput: it holds none, or one of a newer version.
    """
    try:
        profile = msgspec.json.decode(content, type=Profile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{where} is no profile of data: {error}.") from None
    if profile.version > VERSION:
        raise InvalidInput(
            f"{where} has version {profile.version}, this Assay knows up to {VERSION}: update"
            " Assay."
        )
    return profile
