"""Golden predictions: what a model answered to its input example when it was saved.

They are replayed to prove that a model, wherever it was loaded, still is the one that was saved.
Numbers are compared with a tolerance that follows their precision, all else exactly.
Format: docs/formats/models.md.
"""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import InvalidInput
from assay.flavors.base import Predictor
from assay.models import side_files
from assay.models.input_example import load_example
from assay.models.mlmodel import Model

FILE: Final = "golden.json"
VERSION: Final = 1
"""Of the file's layout. A change adds a version and keeps reading the older ones."""
MAX_OUTPUT_BYTES: Final = 8 << 20
"""Larger outputs (generated pictures) aren't kept."""
MAX_DIFFERENCES: Final = 20
_TOLERANCES: Final = {2: (1e-2, 1e-3), 4: (1e-4, 1e-6), 8: (1e-6, 1e-9)}
"""Relative and absolute, by bytes of the float: another processor, BLAS or thread count moves the
last digits, which a model with many sums amplifies."""


class Tolerance(msgspec.Struct, frozen=True):
    """How far a number may be from the golden one: ``absolute + relative × |golden|``."""

    relative: float
    absolute: float


class Golden(msgspec.Struct, frozen=True, omit_defaults=True):
    """Content of the file."""

    output: Any
    """The predictions, as ``encode`` writes them."""
    tolerance: Tolerance | None = None
    """Of the user; else it follows the precision of the numbers."""
    version: int = VERSION


class Difference(msgspec.Struct, frozen=True):
    """Where a prediction is not the golden one."""

    where: str
    """Such as ``['score'][3]``; empty for the whole output."""
    expected: str
    got: str

    def __str__(self) -> str:
        return f"output{self.where}: expected {self.expected}, got {self.got}"


def write(folder: Path, output: Any, *, tolerance: Tolerance | None = None) -> bool:
    """Keep predictions as the golden ones; ``False`` if they are too large.

    Raises:
        InvalidInput: outputs of this kind can't be kept.
    """
    text = msgspec.json.encode(Golden(encode(output), tolerance))
    if len(text) > MAX_OUTPUT_BYTES:
        return False
    (folder / FILE).write_bytes(text)
    return True


def read(folder: Path) -> Golden | None:
    """The golden predictions of a model; ``None`` if it has none.

    Raises:
        InvalidModel: the file is damaged or of a newer version.
    """
    return side_files.read(folder, FILE, Golden, version=VERSION)


def replay(path: str | Path, predictor: Predictor, model: Model | None = None) -> list[Difference]:
    """Predict the input example of a model's folder again; returns where it is not the golden one.

    Raises:
        InvalidInput: the model has no golden predictions.
    """
    folder = Path(path)
    golden = read(folder)
    example = load_example(folder, model)
    if golden is None or example is None:
        raise InvalidInput(
            f"The model {str(folder)!r} has no golden predictions: save it with an input_example."
        )
    output = predictor.predict(example.data, example.params)
    return compare(golden, output)


def compare(golden: Golden, output: Any) -> list[Difference]:
    """Where ``output`` is not the golden one; at most ``MAX_DIFFERENCES``."""
    return differences_of(golden.output, encode(output), golden.tolerance)


def differences_of(want: Any, got: Any, tolerance: Tolerance | None = None) -> list[Difference]:
    """Where two outputs differ, both as ``encode`` writes them; at most ``MAX_DIFFERENCES``."""
    return list(itertools.islice(_compare(want, got, tolerance, ""), MAX_DIFFERENCES))


def encode(output: Any) -> Any:
    """Predictions as JSON values that lose nothing.

    Lists, dicts, text, integers, bools and ``None`` stand for themselves; all else is an object
    with one key that begins with ``$``: ``$float`` (as text), ``$array`` (dtype, shape, content in
    little-endian order as base64, or as a list for objects), ``$frame`` (columns by name),
    ``$bytes``, ``$time``, ``$dict`` (pairs, where keys aren't all plain text).

    Raises:
        InvalidInput: there is no form for this kind.
    """
    if output is None or isinstance(output, bool | int | str):
        return output
    if isinstance(output, float):
        return {"$float": repr(output)}
    if isinstance(output, list | tuple):
        return [encode(item) for item in output]
    if isinstance(output, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in output):
            return {key: encode(value) for key, value in output.items()}
        return {"$dict": [[encode(key), encode(value)] for key, value in output.items()]}
    if isinstance(output, bytes | bytearray):
        return {"$bytes": base64.b64encode(output).decode()}
    return _encode_library(output)


def _encode_library(output: Any) -> Any:
    root = type(output).__module__.split(".")[0]
    name = type(output).__name__
    if root in ("pandas", "polars"):
        if name == "DataFrame":
            columns = list(output.columns)
            return {"$frame": [[str(c), encode(output[c].to_numpy())] for c in columns]}
        if hasattr(output, "to_numpy"):
            return encode(output.to_numpy())
        return encode(None if str(output) == "<NA>" else output.to_pydatetime())
    if root == "torch":
        return encode(output.detach().cpu().float().numpy())
    if root == "scipy":
        return encode(output.toarray())
    if root in ("tensorflow", "jax", "jaxlib", "xarray"):
        import numpy as np

        return encode(np.asarray(output))
    if root == "numpy":
        return _encode_array(output)
    if hasattr(output, "isoformat"):
        return {"$time": output.isoformat()}
    for method in ("model_dump", "to_dict"):
        if hasattr(output, method):
            return encode(getattr(output, method)())
    raise InvalidInput(
        f"Golden predictions can't be kept of {type(output).__name__}: let predict return arrays,"
        " frames, lists, dicts or plain values, or save with golden=False."
    )


def _encode_array(array: Any) -> Any:
    if array.ndim == 0 and type(array).__name__ != "ndarray":
        return encode(array.item())
    facts = {"dtype": str(array.dtype), "shape": list(array.shape)}
    kind = array.dtype.kind
    if kind in "OSUTV":
        return {"$array": {**facts, "values": [encode(item) for item in array.ravel().tolist()]}}
    if kind in "Mm":
        return {"$array": {**facts, "values": [str(item) for item in array.ravel()]}}
    content = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return {"$array": {**facts, "base64": base64.b64encode(content).decode()}}


def _compare(want: Any, got: Any, tolerance: Tolerance | None, where: str) -> Iterator[Difference]:
    if isinstance(want, dict) and isinstance(got, dict) and want.keys() == got.keys():
        tag = next(iter(want), "")
        if tag.startswith("$"):
            yield from _compare_tagged(tag, want[tag], got[tag], tolerance, where=where)
            return
        for key in want:
            yield from _compare(want[key], got[key], tolerance, f"{where}[{key!r}]")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for index, (left, right) in enumerate(zip(want, got, strict=True)):
            yield from _compare(left, right, tolerance, f"{where}[{index}]")
    elif want != got or type(want) is not type(got):
        yield _different(want, got, where)


def _compare_tagged(
    tag: str, want: Any, got: Any, tolerance: Tolerance | None, *, where: str
) -> Iterator[Difference]:
    if tag == "$array":
        yield from _compare_arrays(want, got, tolerance, where)
    elif tag == "$float":
        if not _near(float(want), float(got), tolerance or Tolerance(*_TOLERANCES[8])):
            yield Difference(where, want, got)
    elif tag == "$frame" and [name for name, _ in want] == [name for name, _ in got]:
        for (name, left), (_, right) in zip(want, got, strict=True):
            yield from _compare(left, right, tolerance, f"{where}[{name!r}]")
    elif want != got:
        yield _different(want, got, where)


def _compare_arrays(
    want: dict[str, Any], got: dict[str, Any], tolerance: Tolerance | None, where: str
) -> Iterator[Difference]:
    if want["shape"] != got["shape"] or want["dtype"][:1] != got["dtype"][:1]:
        facts = [f"{one['dtype']} of shape {tuple(one['shape'])}" for one in (want, got)]
        yield Difference(where, *facts)
        return
    if "values" in want or "values" in got:
        yield from _compare(want.get("values"), got.get("values"), tolerance, where)
        return
    import numpy as np

    left, right = _array(want), _array(got)
    if left.dtype.kind in "fc":
        size = min(left.dtype.itemsize, right.dtype.itemsize)
        limit = tolerance or Tolerance(*_TOLERANCES.get(size, _TOLERANCES[8]))
        same = np.isclose(right, left, limit.relative, limit.absolute, equal_nan=True)
    else:
        same = left == right
    for index in np.argwhere(~same)[:MAX_DIFFERENCES]:
        place = "".join(f"[{i}]" for i in index)
        spot = tuple(index)
        yield Difference(where + place, str(left[spot]), str(right[spot]))


def _array(facts: dict[str, Any]) -> Any:
    import numpy as np

    dtype = np.dtype(facts["dtype"]).newbyteorder("<")
    return np.frombuffer(base64.b64decode(facts["base64"]), dtype).reshape(facts["shape"])


def _near(want: float, got: float, tolerance: Tolerance) -> bool:
    if math.isnan(want) or math.isnan(got):
        return math.isnan(want) and math.isnan(got)
    if math.isinf(want) or math.isinf(got):
        return want == got
    return abs(got - want) <= tolerance.absolute + tolerance.relative * abs(want)


def _different(want: Any, got: Any, where: str) -> Difference:
    shown = [msgspec.json.encode(one).decode() for one in (want, got)]
    return Difference(where, *(text if len(text) <= 80 else text[:77] + "..." for text in shown))
