"""Overlays: boxes and masks that a page draws over a logged picture, in files beside it.

The picture stays as it is, so other tools see it without them. Their form:
docs/formats/image-overlays.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from assay.client.content import image_content
from assay.errors import InvalidInput

VERSION: Final = 1
"""Written into each overlay. Who changes the form raises it, and keeps the page reading the old
one."""
SUFFIX: Final = ".overlay.json"
MAX_BOXES: Final = 10_000
_GREATEST_CLASS: Final = 255


def overlay_files(
    picture_path: str,
    *,
    boxes: Iterable[Mapping[str, Any]] | None,
    masks: Mapping[str, Any] | None,
    labels: Mapping[int, str] | None,
) -> list[tuple[str, bytes]]:
    """The files beside a picture, those with pixels first; none without boxes and masks.

    Raises:
        InvalidInput: a box or mask that can't be drawn.
        MissingExtra: masks without Pillow.
    """
    if boxes is None and masks is None:
        if labels is not None:
            raise InvalidInput("labels of log_image go with boxes or masks.")
        return []
    names = {_class_number(key): str(name) for key, name in (labels or {}).items()}
    drawn = [_box(box, names) for box in boxes or ()]
    if len(drawn) > MAX_BOXES:
        raise InvalidInput(f"A picture takes {MAX_BOXES} boxes at most, not {len(drawn)}.")
    files: list[tuple[str, bytes]] = []
    layers: list[dict[str, str]] = []
    for place, (name, mask) in enumerate((masks or {}).items()):
        path = f"{picture_path}.mask-{place}.png"
        files.append((path, _mask_content(name, mask)))
        layers.append({"name": str(name), "file": path.rpartition("/")[2]})
    overlay = {
        "overlay": VERSION,
        "labels": {str(number): name for number, name in names.items()},
        "boxes": drawn,
        "masks": layers,
    }
    return [*files, (picture_path + SUFFIX, msgspec.json.encode(overlay))]


def _class_number(value: Any) -> int:
    # Any: the caller's own keys; NumPy's integers are welcome.
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"A class is a number from 0 to 255, not {value!r}.") from None
    if number != value or not 0 <= number <= _GREATEST_CLASS:
        raise InvalidInput(f"A class is a number from 0 to 255, not {value!r}.")
    return number


def _box(box: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    try:
        corners = [float(value) for value in box["box"]]
        label = box.get("label", "")
        score = None if box.get("score") is None else float(box["score"])
    except (TypeError, ValueError, KeyError, AttributeError):
        corners = []
    x0, y0, x1, y1 = corners if len(corners) == 4 else (0.0, 0.0, -1.0, -1.0)
    if not (-1e9 < x0 <= x1 < 1e9 and -1e9 < y0 <= y1 < 1e9):
        raise InvalidInput(
            "A box is {'box': [x0, y0, x1, y1], 'label': …, 'score': …} in pixels from the top"
            f" left, with x0 <= x1 and y0 <= y1, not {str(box)[:200]}."
        )
    told = str(label) if isinstance(label, str) else names.get(_class_number(label), str(label))
    return {"box": [x0, y0, x1, y1], "label": told, "score": score}


def _mask_content(name: str, mask: Any) -> bytes:
    import numpy as np

    pixels = np.asarray(mask)
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8)
    if pixels.ndim != 2 or pixels.dtype.kind not in "iu" or not pixels.size:
        raise InvalidInput(
            f"The mask {str(name)[:100]!r} is no array (height, width) of bools or integers."
        )
    if pixels.min() < 0 or pixels.max() > _GREATEST_CLASS:
        raise InvalidInput(f"The mask {str(name)[:100]!r} has classes outside 0 to 255.")
    return image_content(pixels.astype(np.uint8), "mask.png")
