"""The trial that a model stands while its image is built: ``python -m assay.deployments.image.trial
FOLDER``.

Loads it as the server will, asks its input example, and replays the golden predictions that were
kept when it was saved. An exit code other than 0 ends the build.
"""

from __future__ import annotations

import sys
from pathlib import Path

from assay.errors import AssayError, PredictionsDiffer
from assay.models import golden
from assay.models.input_example import load_example
from assay.models.loading import load_pyfunc


def try_model(folder: Path, *, trust: bool | None = None) -> str:
    """What was tried, in a sentence.

    Raises:
        AssayError: it can't be loaded, or isn't to be.
        PredictionsDiffer: it answers otherwise than when it was saved.
        Exception: whatever the model raises.
    """
    model = load_pyfunc(folder, trust=trust)
    example = load_example(folder, model.metadata)
    if example is None:
        return "The model loads; it has no input example to be tried with."
    answer = model.predict(example.data, example.params)
    kept = golden.read(folder)
    if kept is None:
        return "The model loads, and answers its input example; it has no golden predictions."
    differences = golden.compare(kept, answer)
    if differences:
        raise PredictionsDiffer(str(folder), [str(one) for one in differences])
    return "The model loads, and its golden predictions are the same."


def main(arguments: list[str]) -> int:
    """The program; its exit code."""
    folder, *rest = arguments
    try:
        told = try_model(Path(folder), trust=True if "--trust" in rest else None)
    except AssayError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    except Exception as error:  # noqa: BLE001 - a model may raise anything; the build tells it
        sys.stderr.write(f"The model raises {type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(f"{told}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
