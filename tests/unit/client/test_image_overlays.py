"""Boxes and masks beside a picture."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from assay.client.image_overlays import overlay_files
from assay.errors import InvalidInput


def test_boxes_and_masks_become_files_beside_the_picture() -> None:
    mask = np.array([[0, 1], [2, 255]])
    files = overlay_files(
        "val/a.png",
        boxes=[
            {"box": (1, 2, 3.5, 4), "label": "cat", "score": np.float32(0.5)},
            {"box": [0, 0, 1, 1], "label": 2},
        ],
        masks={"truth": mask, "guess": mask > 0},
        labels={np.int64(1): "cat", 2: "dog"},
    )
    assert [path for path, _ in files] == [
        "val/a.png.mask-0.png",
        "val/a.png.mask-1.png",
        "val/a.png.overlay.json",
    ]
    assert np.asarray(Image.open(io.BytesIO(files[0][1]))).tolist() == mask.tolist()
    assert np.asarray(Image.open(io.BytesIO(files[1][1]))).tolist() == [[0, 1], [1, 1]]
    assert json.loads(files[2][1]) == {
        "overlay": 1,
        "labels": {"1": "cat", "2": "dog"},
        "boxes": [
            {"box": [1, 2, 3.5, 4], "label": "cat", "score": 0.5},
            {"box": [0, 0, 1, 1], "label": "dog", "score": None},
        ],
        "masks": [
            {"name": "truth", "file": "a.png.mask-0.png"},
            {"name": "guess", "file": "a.png.mask-1.png"},
        ],
    }


def test_a_picture_alone_has_no_overlay() -> None:
    assert overlay_files("a.png", boxes=None, masks=None, labels=None) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"boxes": [{"box": [3, 0, 1, 1]}]},
        {"boxes": [{"box": [0, 0, 1]}]},
        {"boxes": [{"box": [0, 0, 1, float("nan")]}]},
        {"boxes": [{"label": "cat"}]},
        {"boxes": ["cat"]},
        {"boxes": [{"box": [0, 0, 1, 1], "label": 256}]},
        {"boxes": [{"box": [0, 0, 1, 1]}] * 10_001},
        {"masks": {"m": np.zeros((2, 2, 3), int)}},
        {"masks": {"m": np.zeros((2, 2))}},
        {"masks": {"m": np.full((2, 2), 256)}},
        {"masks": {"m": np.zeros((0, 0), int)}},
        {"masks": {}, "labels": {-1: "x"}},
        {"masks": {}, "labels": {"one": "x"}},
        {"labels": {1: "x"}},
    ],
)
def test_what_can_not_be_drawn_is_refused(wrong: dict[str, Any]) -> None:
    given = {"boxes": None, "masks": None, "labels": None, **wrong}
    with pytest.raises(InvalidInput):
        overlay_files("a.png", **given)
