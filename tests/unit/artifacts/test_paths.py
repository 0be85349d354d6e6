"""The hidden folder can't be named, however a file system would compare names."""

from __future__ import annotations

import pytest

from assay.artifacts.paths import HIDDEN, is_listable, segments
from assay.errors import InvalidName


@pytest.mark.parametrize(
    "name",
    [
        HIDDEN,
        HIDDEN.upper(),
        ".Assay-Store",
        ".a\u017f\u017fay-\u017ftore",
        ".assay\u200b-store",
        "\uff0eassay-store",
        ".assay-\u200dstore\ufeff",
    ],
)
@pytest.mark.parametrize("place", ["{}", "{}/x", "a/{}", "a/{}/b"])
def test_hidden_folder_is_refused_in_every_spelling(name: str, place: str) -> None:
    with pytest.raises(InvalidName, match="reserved"):
        segments(place.format(name))


def test_names_that_only_resemble_it_are_fine() -> None:
    for name in (".assay", "assay-store", ".assay-store2", ".assay-store.txt", "x.assay-store"):
        assert segments(name) == [name]


def test_only_a_single_whole_name_is_listable() -> None:
    assert is_listable("f")
    assert is_listable("a:b", "folder")
    for name in ("", ".", "..", "a/b", "a\\b", HIDDEN):
        assert not is_listable(name, "folder")
