"""A run whose environment is made anew from its pins, by uv."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from assay.client.client import Client
from assay.models.environments.environment import Environment
from assay.models.environments.packages import pins
from assay.models.environments.uv_env import build, python_of
from assay.reproduction.reproduce import reproduce
from tests.services.environment import clean_environment

PACKAGE = Path(__file__).parents[2] / "src" / "assay"
NEEDED = ("msgspec", "numpy", "sqlalchemy", "scikit-learn", "pcodec")
SCRIPT = """
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
import assay

with assay.start_run():
    assay.seed(3)
    data, labels = make_classification(random_state=3)
    model = RandomForestClassifier(n_estimators=5).fit(data, labels)
    assay.log_metric("accuracy", model.score(data, labels))
    assay.log_dict({"chances": model.predict_proba(data).tolist()}, "chances.json")
"""


@pytest.mark.slow
def test_the_environment_is_made_from_the_captured_pins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("ASSAY_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    environment = Environment.from_pip(pins(NEEDED))
    python = python_of(build(environment))
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "assay").symlink_to(PACKAGE)
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "train.py").write_text(SCRIPT)
    git = ["git", "-C", str(repository), "-c", "user.email=a@b.c", "-c", "user.name=a"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    store = tmp_path / ".assay"
    variables = clean_environment(ASSAY_TRACKING_URI=str(store), PYTHONPATH=str(alone))
    subprocess.run([python, "train.py"], cwd=repository, env=variables, check=True)
    client = Client(str(store))
    (run,) = client.search_runs(["0"])

    report = reproduce(run.info.run_id, client=client)

    assert report.verdict == "identical", report
    assert report.causes == []
    assert report.notes == []
    assert report.environment.startswith("uv, ")
    pinned = client.read_artifact(report.run_id, "assay/requirements.txt").decode()
    assert pinned == client.read_artifact(run.info.run_id, "assay/requirements.txt").decode()
    client.close()
