from __future__ import annotations

import json
import os
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tests.compat.surface.expect import experiment_id


def check_up_list_down(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    (folder / "in" / "deep").mkdir(parents=True)
    names = ["a.txt", "b c ü.bin", "deep/d.json", "deep/100%.txt", "deep/q&+=.txt"]
    for name in names:
        (folder / "in" / name).write_bytes(name.encode() * 100)
    client.log_artifacts(ident, str(folder / "in"), "top")
    client.log_artifact(ident, str(folder / "in" / "a.txt"))
    listed = {f.path: (f.is_dir, f.file_size) for f in client.list_artifacts(ident)}
    assert listed == {"a.txt": (False, 500), "top": (True, None)}
    assert {f.path for f in client.list_artifacts(ident, "top")} == {
        "top/a.txt",
        "top/b c ü.bin",
        "top/deep",
    }
    got = Path(client.download_artifacts(ident, "top", str(folder)))
    for name in names:
        assert (got / name).read_bytes() == name.encode() * 100
    assert client.list_artifacts(ident, "a.txt") == []
    assert client.list_artifacts(ident, "nowhere") == []


def check_overwrite_and_empty_files(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    for content in (b"one", b"", b"three"):
        (folder / "f").write_bytes(content)
        client.log_artifact(ident, str(folder / "f"))
        assert Path(client.download_artifacts(ident, "f")).read_bytes() == content


def check_delete(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    client.log_text(ident, "x", "d/a.txt")
    client.log_text(ident, "x", "d/b.txt")
    from mlflow.artifacts import list_artifacts
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    uri = client.get_run(ident).info.artifact_uri
    repository = get_artifact_repository(uri)
    repository.delete_artifacts("d/a.txt")
    assert [f.path for f in list_artifacts(run_id=ident, artifact_path="d")] == ["d/b.txt"]
    repository.delete_artifacts("d")
    assert client.list_artifacts(ident) == []


def check_larger_than_a_chunk(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    content = os.urandom(1 << 20) * 5 + b"end"
    (folder / "big.bin").write_bytes(content)
    client.log_artifact(ident, str(folder / "big.bin"))
    assert Path(client.download_artifacts(ident, "big.bin")).read_bytes() == content


def check_in_parts(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    content = os.urandom(1 << 20) * 13 + b"end"
    (folder / "big.bin").write_bytes(content)
    settings = {
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(1 << 20),
        "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 << 20),
    }
    os.environ.update(settings)
    try:
        client.log_artifact(ident, str(folder / "big.bin"), "parts")
    finally:
        for name in settings:
            del os.environ[name]
    assert Path(client.download_artifacts(ident, "parts/big.bin")).read_bytes() == content


def check_texts_dicts_tables_figures(client: MlflowClient, folder: Path) -> None:
    with mlflow.start_run() as run:
        mlflow.log_text("hällo", "t/hello.txt")
        mlflow.log_dict({"a": [1, 2]}, "d.json")
        mlflow.log_dict({"a": [1, 2]}, "d.yaml")
        mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
        mlflow.log_table({"x": [3], "y": ["c"]}, "table.json")
        import numpy as np

        mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "i.png")
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/t/hello.txt") == "hällo"
    assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/d.json") == {"a": [1, 2]}
    table = mlflow.load_table("table.json", run_ids=[run.info.run_id])
    assert list(table["x"]) == [1, 2, 3]
    tags = client.get_run(run.info.run_id).data.tags
    assert json.loads(tags["mlflow.loggedArtifacts"])


def check_missing_file(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    try:
        client.download_artifacts(ident, "nothing.txt")
    except (MlflowException, OSError):
        return
    raise AssertionError("a missing file was downloaded")
