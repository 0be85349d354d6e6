"""Artifacts: files, texts, pictures, figures and tables."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image as pil

import assay
from assay.errors import ArtifactNotFound, InvalidInput, InvalidName


def test_logged_file_is_a_copy_that_outlives_the_original(project: Path) -> None:
    file = project / "model.bin"
    file.write_bytes(b"weights")
    with assay.start_run() as run:
        assay.log_artifact(file)
        assay.log_artifact(str(file), "deep/er")
        file.unlink()
    root = f"runs:/{run.info.run_id}"
    assert assay.artifacts.load_text(f"{root}/model.bin") == "weights"
    assert assay.artifacts.load_text(f"{root}/deep/er/model.bin") == "weights"


def test_folder_keeps_its_tree(project: Path) -> None:
    (project / "out" / "sub").mkdir(parents=True)
    (project / "out" / "a.txt").write_text("a")
    (project / "out" / "sub" / "b.txt").write_text("b")
    with assay.start_run() as run:
        assay.log_artifacts("out")
        assay.log_artifacts("out", "below")
        assay.log_artifact("out")
    for prefix in ("", "below/", "out/"):
        uri = f"runs:/{run.info.run_id}/{prefix}"
        assert assay.artifacts.load_text(f"{uri}a.txt") == "a"
        assert assay.artifacts.load_text(f"{uri}sub/b.txt") == "b"


@pytest.mark.parametrize("call", [assay.log_artifact, assay.log_artifacts])
def test_missing_file_raises_at_the_call(call: object) -> None:
    with assay.start_run(), pytest.raises(FileNotFoundError):
        call("nowhere.txt")  # type: ignore[operator]


@pytest.mark.parametrize("name", ["../out.txt", "/etc/passwd", "a//b", "", "a\\b", "%2e%2e/x"])
def test_name_that_leads_out_raises_at_the_call(name: str) -> None:
    with assay.start_run(), pytest.raises(InvalidName):
        assay.log_text("x", name)


@pytest.mark.parametrize("name", ["d.json", "d.yaml", "d.yml", "plain"])
def test_dict_comes_back_from_json_and_yaml(name: str) -> None:
    value = {"a": [1, 2.5, None], "b": {"ä": "ö"}}
    with assay.start_run() as run:
        assay.log_dict(value, name)
    assert assay.artifacts.load_dict(f"runs:/{run.info.run_id}/{name}") == value


def test_stream_is_read_to_its_end() -> None:
    with assay.start_run() as run:
        assay.log_stream(io.BytesIO(b"x" * 3_000_000), "big.bin")
    listed = assay.artifacts.list_artifacts(run_id=run.info.run_id)
    assert [(one.path, one.file_size) for one in listed] == [("big.bin", 3_000_000)]


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((4, 6), 255, np.uint8),
        np.full((4, 6, 1), 255, np.int64),
        np.full((4, 6, 3), 1.0, np.float32),
        np.full((4, 6, 4), 255, np.uint8),
        np.full((4, 6), True),
        pil.new("RGB", (6, 4), "white"),
        assay.Image([[255] * 6] * 4),
    ],
)
def test_picture_of_every_kind_comes_back(pixels: object) -> None:
    with assay.start_run() as run:
        assay.log_image(pixels, "p.png")
    loaded = assay.artifacts.load_image(f"runs:/{run.info.run_id}/p.png")
    assert loaded.size == (6, 4)
    assert np.asarray(loaded).min() == 255


@pytest.mark.parametrize(
    "wrong",
    [np.zeros(3), np.zeros((2, 2, 2)), np.full((2, 2), 2.0), np.full((2, 2), -1), "no", None],
)
def test_what_is_no_picture_is_refused(wrong: object) -> None:
    with assay.start_run(), pytest.raises((InvalidInput, FileNotFoundError)):
        assay.log_image(wrong, "p.png")


def test_pictures_by_key_lie_where_mlflow_looks_for_them() -> None:
    with assay.start_run() as run:
        assay.log_image(np.zeros((2, 2), np.uint8), key="val/grid", step=3, timestamp=17)
    listed = assay.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="images")
    names = sorted(one.path for one in listed)
    assert [name.rpartition(".")[2] for name in names] == ["webp", "png"]
    assert all(name.startswith("images/val~grid+step+3+timestamp+17+") for name in names)
    assert assay.get_run(run.info.run_id).data.tags["mlflow.loggedImages"] == "True"


def test_image_needs_either_a_file_name_or_a_key() -> None:
    picture = np.zeros((2, 2), np.uint8)
    with assay.start_run():
        with pytest.raises(InvalidInput, match="either"):
            assay.log_image(picture)
        with pytest.raises(InvalidInput, match="either"):
            assay.log_image(picture, "a.png", key="k")


def test_figure_is_kept_in_the_format_of_its_name() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_subplot().plot([1, 2])
    with assay.start_run() as run:
        assay.log_figure(figure, "plots/f.png", save_kwargs={"dpi": 40})
        assay.log_figure(figure, "plots/f.svg")
        with pytest.raises(InvalidInput):
            assay.log_figure("no figure", "plots/g.png")
    root = f"runs:/{run.info.run_id}/plots"
    assert assay.artifacts.load_image(f"{root}/f.png").format == "PNG"
    assert "<svg" in assay.artifacts.load_text(f"{root}/f.svg")


@pytest.mark.parametrize("name", ["t.json", "deep/t.json", "t.parquet"])
def test_table_logged_twice_has_the_rows_of_both(name: str) -> None:
    with assay.start_run() as run:
        assay.log_table({"a": [1, 2], "b": ["x", "y"]}, name)
        assay.log_table(pd.DataFrame({"a": [3], "b": ["z"]}), name)
        assay.log_table(pl.DataFrame({"a": [4], "b": ["w"]}), name)
        assay.log_table({"a": 5, "b": "single"}, name)
    table = assay.load_table(name, run_ids=[run.info.run_id], extra_columns=["run_id"])
    assert table["a"].tolist() == [1, 2, 3, 4, 5]
    assert table["b"].tolist() == ["x", "y", "z", "w", "single"]
    assert set(table["run_id"]) == {run.info.run_id}


def test_table_of_a_resumed_run_is_appended_to() -> None:
    with assay.start_run() as run:
        assay.log_table({"a": [1]}, "t.json")
    with assay.start_run(run_id=run.info.run_id):
        assay.log_table({"a": [2]}, "t.json")
        assay.log_table({"a": [9]}, "u.json")
    assert assay.load_table("t.json")["a"].tolist() == [1, 2]
    tags = assay.get_run(run.info.run_id).data.tags["mlflow.loggedArtifacts"]
    assert "t.json" in tags
    assert "u.json" in tags


def test_pictures_in_cells_become_files() -> None:
    with assay.start_run() as run:
        assay.log_table({"pic": [assay.Image(np.zeros((3, 3), np.uint8))], "n": [1]}, "t.json")
    cell = assay.load_table("t.json")["pic"][0]
    assert cell["type"] == "image"
    loaded = assay.artifacts.load_image(f"runs:/{run.info.run_id}/{cell['filepath']}")
    assert loaded.size == (3, 3)


@pytest.mark.parametrize(("data", "name"), [({"a": [1]}, "t.csv"), ([1, 2], "t.json")])
def test_what_is_no_table_is_refused(data: object, name: str) -> None:
    with assay.start_run(), pytest.raises(InvalidInput):
        assay.log_table(data, name)


def test_columns_of_different_length_are_refused_with_their_lengths() -> None:
    with assay.start_run(), pytest.raises(InvalidInput, match="a 1, b 2"):
        assay.log_table({"a": [1], "b": [1, 2]}, "t.json")


def test_table_nobody_logged_is_not_found() -> None:
    with assay.start_run(), pytest.raises(ArtifactNotFound):
        assay.load_table("none.json")


def test_download_gives_the_place_on_this_machine(project: Path) -> None:
    with assay.start_run() as run:
        assay.log_text("hello", "notes/a.txt")
    (project / "here").mkdir()
    got = assay.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="notes", dst_path="here"
    )
    assert (Path(got) / "a.txt").read_text() == "hello"
    file = assay.artifacts.download_artifacts(f"runs:/{run.info.run_id}/notes/a.txt")
    assert Path(file).read_text() == "hello"
    by_address = assay.artifacts.download_artifacts(f"{run.info.artifact_uri}/notes/a.txt")
    assert Path(by_address).read_text() == "hello"


def test_artifact_uri_is_where_the_file_is() -> None:
    with assay.start_run():
        assay.log_text("x", "ä b.txt")
        uri = assay.get_artifact_uri("ä b.txt")
    assert assay.artifacts.load_text(uri) == "x"
    assert Path(unquote(urlsplit(uri).path)).read_text() == "x"


def test_missing_artifact_is_a_file_not_found_error() -> None:
    with assay.start_run() as run:
        pass
    with pytest.raises(FileNotFoundError):
        assay.artifacts.load_text(f"runs:/{run.info.run_id}/none.txt")
