from __future__ import annotations

import numpy as np
import pytest

from assay.metrics.columns import pack, unpack


@pytest.mark.parametrize(
    ("numbers", "width"),
    [([5, 5, 5], 0), ([5, 260], 1), ([-5, 60_000], 2), ([0, 2**31], 4), ([-(2**63), 2**63 - 1], 8)],
)
def test_numbers_read_back_in_the_fewest_bytes(numbers, width):
    column = pack(np.array(numbers), low=min(numbers), high=max(numbers))
    assert column.width == width
    assert unpack(column, len(numbers)).tolist() == numbers


def test_data_that_is_too_short_is_an_error():
    column = pack(np.arange(100), low=0, high=99)
    with pytest.raises(ValueError, match="buffer"):
        unpack(column, 101)
