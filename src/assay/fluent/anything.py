"""``assay.log``: any mix of values by name, each kept in the way that suits its kind.

| value | becomes |
|---|---|
| number; one-element array or tensor | a point of a metric |
| text | a tag of the run, which the next call may change; over 8,000 characters a text file |
| matplotlib figure, Pillow image, ``assay.Image``, array of ``uint8`` or bool pixels | a picture of
a series | | plotly figure | an HTML file | | DataFrame | a table | | data set of ``assay.data`` |
an input of the run, with the name as its context | | ``pathlib.Path`` | the file or folder | | list
or tuple | a JSON file | | dict | its entries, named ``outer/inner`` |
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay import data
from assay.client.content import (
    Image,
    dict_content,
    figure_content,
    is_array,
    is_frame,
    is_matplotlib_figure,
    is_pillow_image,
    is_plotly_figure,
    pillow_image,
)
from assay.client.values import as_number, as_step
from assay.entities import limits
from assay.entities.names import check_key
from assay.errors import InvalidInput
from assay.fluent.artifacts import log_artifact, log_content, log_image, log_table
from assay.fluent.inputs import log_input
from assay.fluent.log import log_metrics, set_tags_of
from assay.fluent.runs import run_to_log_to

_PIXEL_KINDS = "ub"


def log(values: Mapping[str, Any], step: int | None = None) -> None:
    """Log any mix of values to the active run; without one, a run is started.

    Args:
        values: by name; dicts inside are joined by ``/``. See the table above for what becomes of
            them.
        step: the position of all of them. Left out, calls count by themselves: 0, 1, 2 …, going on
            behind the largest step given.

    Raises:
        InvalidName: a name can't be a key.
        InvalidInput: a value that can't be logged; then nothing of the call is.
    """
    run = run_to_log_to()
    flat = dict(_flatten(values))
    at = run.next_step if step is None else as_step(step)
    numbers = {key: number for key, value in flat.items() if (number := _number(value)) is not None}
    texts = {key: value for key, value in flat.items() if isinstance(value, str)}
    others = {key: v for key, v in flat.items() if key not in numbers and key not in texts}
    for key, value in others.items():
        _check_kind(key, value)
    if numbers:
        log_metrics(numbers, step=at)
    long_texts = {k: v for k, v in texts.items() if len(v) > limits.MAX_TAG_VALUE_LENGTH}
    set_tags_of(run, {k: v for k, v in texts.items() if k not in long_texts})
    for key, text in long_texts.items():
        log_content(text.encode(), f"{key}/{at}.txt", run)
    for key, value in others.items():
        _log_other(key, value, at)
    run.next_step = max(run.next_step, at + 1)


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{key}/")
        else:
            yield check_key("key", key), value


def _number(value: Any) -> float | None:
    if isinstance(value, str | bytes):
        return None
    if isinstance(value, int | float):
        return as_number("", value)
    # Arrays and tensors of every library have an ``item``; only those of one element are numbers.
    size = getattr(value, "size", None)
    count = size if isinstance(size, int) else _tensor_size(value)
    if count != 1 or not hasattr(value, "item") or is_pillow_image(value):
        return None
    return as_number("", value)


def _tensor_size(value: Any) -> int | None:
    numel = getattr(value, "numel", None)
    return int(numel()) if callable(numel) else None


def _is_picture(value: Any) -> bool:
    if is_array(value):
        return value.dtype.kind in _PIXEL_KINDS and value.ndim in (2, 3)
    return isinstance(value, Image) or is_pillow_image(value) or is_matplotlib_figure(value)


def _check_kind(key: str, value: Any) -> None:
    known = isinstance(value, data.Dataset | Path | list | tuple)
    if known or _is_picture(value) or is_plotly_figure(value) or is_frame(value):
        return
    hint = ""
    if is_array(value):
        hint = " An array of pixels goes into assay.Image(…), other arrays into assay.log_artifact."
    raise InvalidInput(f"{key!r} is of type {type(value).__name__}, which can't be logged.{hint}")


def _log_other(key: str, value: Any, step: int) -> None:
    if is_matplotlib_figure(value):
        png = figure_content(value, "figure.png")
        log_image(_open_png(png), key=key, step=step)
    elif is_plotly_figure(value):
        log_content(figure_content(value, "figure.html"), f"{key}/{step}.html")
    elif _is_picture(value):
        log_image(pillow_image(value), key=key, step=step)
    elif is_frame(value):
        log_table(value, f"{key}/{step}.json")
    elif isinstance(value, data.Dataset):
        log_input(value, context=key)
    elif isinstance(value, Path):
        log_artifact(value, key)
    else:
        log_content(dict_content(value, f"{key}.json"), f"{key}/{step}.json")


def _open_png(png: bytes) -> Any:
    # matplotlib needs Pillow itself, so it is there.
    from PIL import Image as pil  # noqa: N813 - a module that is named like its class

    picture = pil.open(io.BytesIO(png))
    picture.load()
    return picture
