"""The program that tries a model in an environment made for it: runs there, in a process of its
own.

``assay.models.environments.verifying`` starts it. It has nothing but the model's environment and
this package.
No module imports this one.
"""

from __future__ import annotations

import platform
import time
import traceback
from pathlib import Path
from typing import Any

import msgspec

from assay.models import golden
from assay.models.environments.report import Replay
from assay.models.input_example import load_example
from assay.models.loading import load_native, load_pyfunc
from assay.models.mlmodel import Model


def main(request: dict[str, Any]) -> None:
    """Load the model folder ``request["model"]`` and replay its golden predictions; write a
    ``Replay`` as JSON to the file ``request["report"]``.
    """
    begun = time.perf_counter()
    replay = Replay(python=platform.python_version())
    try:
        _try(Path(request["model"]), replay)
    except BaseException as error:  # noqa: BLE001 - a model's code may raise anything; it is reported
        replay.error = f"{type(error).__name__}: {error}"[:2000]
        replay.traceback = traceback.format_exc()[-8000:]
    replay.seconds = time.perf_counter() - begun
    Path(request["report"]).write_bytes(msgspec.json.encode(replay))


def _try(folder: Path, replay: Replay) -> None:
    described = Model.load(folder)
    if described.python_function is None:
        # The caller asked for trust before this process was started.
        load_native(folder, trust=True)
        replay.checked = "load"
        return
    model = load_pyfunc(folder, trust=True)
    replay.checked = "load"
    example = load_example(folder, described)
    if example is None:
        return
    if golden.read(folder) is None:
        model.predict(example.data, example.params)
        replay.checked = "prediction"
        return
    replay.differences = golden.replay(folder, model, described)
    replay.checked = "golden"
